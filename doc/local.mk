# doc
dist_doc_DATA = doc/cookie.md

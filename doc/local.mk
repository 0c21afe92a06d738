# doc
dist_doc_DATA = \
	doc/architecture.md \
	doc/control-protocol.md \
	doc/cookie.md \
	doc/operations.md \
	doc/overview.svg \
	doc/replay.md

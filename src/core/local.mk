# layer core

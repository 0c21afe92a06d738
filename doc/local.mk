# doc
dist_doc_DATA = \
	doc/alerts.yml \
	doc/architecture.md \
	doc/control-protocol.md \
	doc/cookie.md \
	doc/detection.md \
	doc/grafana-dashboard.json \
	doc/memory.md \
	doc/operations.md \
	doc/overview.svg \
	doc/performance.md \
	doc/reactions.md \
	doc/replay.md \
	doc/restart.md \
	doc/rfc.md \
	doc/tcp.md \
	doc/threat-model.md \
	etc/on-attack.example

# layer conf

# layer wire

# layer ctl

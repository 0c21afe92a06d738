# layer datapath

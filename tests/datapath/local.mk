# tests/datapath

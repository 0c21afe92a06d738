# layer base

ExpatError = error = _lib_parse_error

package requestprocessor_test

var samples []struct{ name, settings string }

// Package messages holds the test that shows what people read when something goes wrong:
// testdata/messages.txt has the texts of all components, each made by a real failure.
// Whoever changes a text sees in that file how it reads among the others.
package messages

package main

import "os"

func Example() {
	if err := here(os.Stdout); err != nil {
		panic(err)
	}
	// Output:
	// PUT invoice-2026_0042.csv
	// PUT invoice-2026_0042.pdf
	// PUT invoice-314528.done
	// /upload/EU/Acme_ GmbH/invoice-2026_0042.csv: "2026/0042;1200.00"
	// /upload/EU/Acme_ GmbH/invoice-2026_0042.pdf: "%PDF-1.7"
	// /upload/EU/Acme_ GmbH/invoice-314528.done: ""
}

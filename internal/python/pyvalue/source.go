package pyvalue

// Source is where the entries of a dict come from that are made when they are asked for:
// a dict of a large document, of which a program looks at little. A dict that has one is
// like any other; the program that makes it does so before anybody else has it.
type Source interface {
	// Member returns the value of a key, and whether there is one. known is false if only
	// Fill can tell.
	Member(key string) (v Value, has, known bool)
	// Fill sets all entries of the dict in their order; there is at least one. Values that
	// Member has returned before are the same again. It is called once, and Member no more
	// after it.
	Fill(d *Dict)
}

// From lets an empty dict have the entries of a source.
func (d *Dict) From(s Source) { d.source = s }

// complete makes the entries that have not been asked for yet.
func (d *Dict) complete() {
	if d.source != nil {
		d.fill()
	}
}

func (d *Dict) fill() {
	s := d.source
	d.source = nil
	s.Fill(d)
}

// Empty reports that the dict has no entries.
func (d *Dict) Empty() bool { return d.source == nil && d.Len() == 0 }

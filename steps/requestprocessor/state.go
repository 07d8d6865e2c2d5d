package requestprocessor

import "context"

// position is how far a run has come.
type position struct {
	Stage int  `json:"stage"`
	Begun bool `json:"begun"` // its conditions and contents are done
	Call  int  `json:"call"`
	Item  int  `json:"item"`
}

func (r *run) restore() error { return nil }

func (r *run) keep(context.Context) error { return nil }

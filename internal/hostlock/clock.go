package hostlock

import "time"

// WallEpoch is the epoch of the machine's clock.
const WallEpoch = "wall"

func wall() (time.Duration, string) { return time.Duration(time.Now().UnixNano()), WallEpoch }

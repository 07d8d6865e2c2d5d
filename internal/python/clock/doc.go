// Package clock holds Python's module datetime: dates, times, their differences, time
// zones, strftime and strptime, with the results and errors of CPython's. What the time
// is comes from whoever makes the [Module].
package clock

import "github.com/exportpipeline/exportpipeline/internal/python/pyvalue"

type value = pyvalue.Value

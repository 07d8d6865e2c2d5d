package settings

import (
	"strings"
	"testing"
)

const located = `{
  "id": 1,
  "settings": {
    "a.b": {"c": 1},
    "a": {
      "b": 2,
      "list": [
        {"x": 1},
        {"x": 2, "a[0]": 3}
      ]
    }
  }
}`

func TestAPlaceIsTurnedIntoALine(t *testing.T) {
	t.Parallel()
	for place, want := range map[string][2]int{
		"":                          {1, 1},
		"id":                        {2, 3},
		"settings":                  {3, 3},
		"settings.a":                {5, 5},
		"settings.a.list[1].x":      {9, 10},
		"settings.a.list[1]":        {9, 9},
		"settings.a.b.c":            {4, 13}, // the longest key that fits
		"settings.a.list[1].a[0]":   {9, 18},
		"settings.a.list[5].x":      {7, 7}, // as far as it goes
		"settings.a.nothing.x":      {5, 5},
		"nothing":                   {1, 1},
		"settings.a.list.x":         {7, 7},
		"settings.a.list[x]":        {7, 7},
		"settings.a.list[1].x.deep": {9, 10},
		"id[0]":                     {2, 3},
	} {
		if line, col := Locate([]byte(located), place); line != want[0] || col != want[1] {
			t.Errorf("%s: line %d, column %d, want %v", place, line, col, want)
		}
	}
}

func TestATextThatIsNotJSONHasNoLines(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", " ", `{"a":`, `{"a" 1}`, `{"a": [1,}`, `{"a": nope}`} {
		if line, col := Locate([]byte(text), "a[1].b"); line != 0 || col != 0 {
			t.Errorf("%q: line %d, column %d", text, line, col)
		}
	}
}

func FuzzLocate(f *testing.F) {
	f.Add([]byte(located), "settings.a.list[1].x")
	f.Add([]byte(`[[[[1]]]]`), "[0][0][0]")
	f.Add([]byte("{}"), "[")
	f.Fuzz(func(t *testing.T, data []byte, place string) {
		line, col := Locate(data, place)
		if line < 0 || col < 0 || (line == 0) != (col == 0) || line > 1+strings.Count(string(data), "\n") {
			t.Errorf("line %d, column %d", line, col)
		}
	})
}

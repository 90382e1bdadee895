package lenient_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/provider/lenient"
)

func TestTime(t *testing.T) {
	second := time.Unix(1790001000, 0).UTC()
	for text, want := range map[string]time.Time{
		`1790001000`: second, `"1790001000"`: second, `1790001000000`: second, `"1790001000000"`: second, `1.790001e9`: second,
		`1790001000.9`: second, `" 1790001000 "`: second, `1790001000123`: second.Add(123 * time.Millisecond),
		`"2026-09-21T14:30:00Z"`: second, `"2026-09-21T14:30:00+0000"`: second, `"2026-09-21T16:30:00+02:00"`: second, `"2026-09-21T16:30:00+0200"`: second,
		`null`: {}, `0`: {}, `-1`: {}, `""`: {}, `"tomorrow"`: {}, `[1790001000]`: {}, `{}`: {}, `true`: {}, `1e999`: {}, `99999999999999999999`: {},
		`"NaN"`: {}, `"Inf"`: {}, `"September 21, 2026"`: {}, `"0001-01-01T00:00:00Z"`: {}, `179000100012345`: {}, ``: {},
		`"9998-12-31T23:59:59Z"`: time.Date(9998, 12, 31, 23, 59, 59, 0, time.UTC), `"9999-01-01T00:00:00Z"`: {}, `"9998-12-31T23:59:59-08:00"`: {},
		`"9999-12-31T23:59:59-08:00"`: {}, `"1970-01-01T00:00:00Z"`: {}, `99999999999999`: time.UnixMilli(99999999999999),
	} {
		if got := lenient.Cut([]byte(text)).Time(); !got.Equal(want) {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

// However many members an object has, a repeated name is found, and each member is.
func TestManyMembers(t *testing.T) {
	for _, n := range []int{1, 10, 31, 32, 33, 34, 500} {
		var members []string
		for i := range n {
			members = append(members, fmt.Sprintf(`"m%d":%[1]d`, i))
		}
		text := strings.Join(members, ",")
		o, reason := lenient.Cut([]byte("{" + text + "}")).Object()
		if last := o.Get(fmt.Sprintf("m%d", n-1)).Text(); reason != "" || len(o) != n || last != fmt.Sprint(n-1) {
			t.Errorf("%d members: %q, %d found, the last is %q", n, reason, len(o), last)
		}
		for i := range n {
			for _, again := range []string{fmt.Sprintf(`"m%d":0`, i), fmt.Sprintf(`"\u006d%d":0`, i)} {
				if _, reason := lenient.Cut([]byte("{" + text + "," + again + "}")).Object(); reason != lenient.RepeatedName {
					t.Errorf("%d members and %s: %q", n, again, reason)
				}
				if n > 100 {
					break
				}
			}
		}
	}
}

// Whoever asks an object of many members for one, over and over, must not be kept busy by it.
func TestTooManyMembers(t *testing.T) {
	text := `{"x":1,`
	for i := range 998 {
		text += fmt.Sprintf(`"m%d":0,`, i)
	}
	if o, reason := lenient.Cut([]byte(text + `"y":1}`)).Object(); reason != "" || len(o) != 1000 {
		t.Errorf("1,000 members: %q, %d found", reason, len(o))
	}
	if o, reason := lenient.Cut([]byte(text + `"y":1,"z":1}`)).Object(); reason != lenient.TooMany || o != nil {
		t.Errorf("1,001 members: %q, %d found", reason, len(o))
	}
}

// A string ends at the first quote that has an even number of backslashes before it.
func TestStrings(t *testing.T) {
	for text, want := range map[string]string{
		`{"a":"","b":"x"}`: "x", `{"a":"\\","b":"x"}`: "x", `{"a":"\\\"","b":"x"}`: "x", `{"a":"}\"],{","b":"x"}`: "x", `{"a\"":"\\\\","b":"x"}`: "x",
		`{"a":"\\","b":"\\"}`: `\`, `{"a":"\"\"","b":"\""}`: `"`,
	} {
		o, reason := lenient.Cut([]byte(text)).Object()
		if got := o.Get("b").Text(); got != want || reason != "" || len(o) != 2 {
			t.Errorf("%s: %q, %q", text, got, reason)
		}
	}
}

func TestBool(t *testing.T) {
	for text, want := range map[string]*bool{
		`true`: new(true), `"true"`: new(true), `false`: new(false), `"false"`: new(false), `1`: nil, `"yes"`: nil, `null`: nil, ``: nil, `{}`: nil,
	} {
		if got := lenient.Cut([]byte(text)).Bool(); !cmp.Equal(got, want) {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}

func TestCompact(t *testing.T) {
	for text, want := range map[string]string{
		``: ``, `{}`: `{}`, `{"a":1}`: `{"a":1}`, ` { "a b" : [ 1 ,2 ] } `: `{"a b":[1,2]}`, "\t{\n\"a\":\r\n\"b \\\" c\"}": `{"a":"b \" c"}`, `" a`: `" a`,
	} {
		if got := string(lenient.Compact(lenient.Value(text))); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

package storage

import (
	"strings"
	"testing"
)

func TestSegment(t *testing.T) {
	for text, want := range map[string]string{
		"wh/meta-main/0a":        "wh_2fmeta-main_2f0a",
		"Default":                "_44efault",
		"..":                     "_2e_2e",
		"_":                      "_5f",
		"ü\x00":                  "_c3_bc_00",
		"":                       "_",
		strings.Repeat("a", 200): strings.Repeat("a", 200),
	} {
		got := segment(text)
		if got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
		if back, ok := plain(got); ok != (text != "") || back != text {
			t.Errorf("%q came back as %q, %v", text, back, ok)
		}
	}
	for _, long := range []string{strings.Repeat("a", 201), strings.Repeat("/", 67)} {
		got := segment(long)
		if len(got) != 66 || !strings.HasPrefix(got, hashed) {
			t.Errorf("%.10q: %q", long, got)
		}
		if _, ok := plain(got); ok {
			t.Errorf("%q is no text", got)
		}
	}
}

func FuzzSegment(f *testing.F) {
	f.Add("wh/meta-main/0a", "")
	f.Fuzz(func(t *testing.T, a, b string) {
		s := segment(a)
		if k, ok := parseKey(s + "/" + segment(b) + "/20261121-" + strings.Repeat("0", 64)); !ok || k.namespace != s {
			t.Fatalf("%q and %q make no key", a, b)
		}
		if (segment(b) == s) != (a == b) {
			t.Errorf("%q and %q are the same", a, b)
		}
		if back, ok := plain(s); ok && back != a {
			t.Errorf("%q came back as %q", a, back)
		}
	})
}

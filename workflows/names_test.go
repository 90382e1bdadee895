package workflows

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// The server ends a workflow whose search attribute has more than 2 KiB, as it is encoded.
func TestListedFits(t *testing.T) {
	for name, of := range map[string]string{"plain": "9", "escaped sixfold": "<", "three bytes": "界"} {
		var values []string
		for i := range 100 {
			values = append(values, strings.Repeat(of, 60)+strings.Repeat("1", i))
		}
		out := listed(values)
		encoded, err := json.Marshal(out)
		if err != nil || len(encoded) > 2048 || len(out) == 0 || len(out) > maxListed {
			t.Errorf("%s: %d values in %d bytes, %v", name, len(out), len(encoded), err)
		}
		for _, v := range out {
			if !utf8.ValidString(v) {
				t.Errorf("%s: cut inside a character: %q", name, v)
			}
		}
	}
	if got := listed([]string{"a", "", "a", "b"}); len(got) != 2 {
		t.Errorf("listed %q", got)
	}
}

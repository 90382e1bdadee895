package webhook_test

import (
	"strings"
	"testing"

	"holdfast/internal/webhook"
)

func TestWanted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		patterns string
		want     string
	}{
		{"*", "yes yes yes"},
		{"account.*", "yes no no"},
		{"account.ban*", "yes no no"},
		{"*.added", "no yes no"},
		{"*.*ed", "yes yes no"},
		{"phone.added", "no yes no"},
		{"unrecognized", "no no yes"},
		{"account", "no no no"},
		{"* !account.*", "no yes yes"},
		{"!account.* *", "no yes yes"},
		{"!account.*", "no no no"},
		{"account.* phone.* !*.banned", "no yes no"},
		{"[ !]", "no no no"},
		{"", "no no no"},
	} {
		var got []string
		for _, typ := range []webhook.Type{webhook.AccountBanned, webhook.PhoneAdded, webhook.Unrecognized} {
			got = append(got, map[bool]string{true: "yes", false: "no"}[webhook.Wanted(strings.Fields(c.patterns), typ)])
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: got %v, want %s", c.patterns, got, c.want)
		}
	}
}

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/internal/config"
)

// What the pages show of holdfast.yaml can be used as it is, once its variables are set.
func TestDocumentedConfigurations(t *testing.T) {
	environment := func(name string) (string, bool) {
		switch {
		case name == "SLACK_URL":
			return "https://hooks.slack.com/services/T0/B0/x", true
		case name == "TEAMS_URL":
			return "https://prod-1.westeurope.logic.azure.com/workflows/1", true
		case name == "PD_KEY":
			return "0123456789abcdef0123456789abcdef", true
		case strings.HasSuffix(name, "_SECRET"):
			return "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", true
		}
		return "a-password", true
	}
	// Files that are not there: what they should hold is another's test.
	files := strings.NewReplacer("credentials: \"${file:nats.creds}\"", "username: holdfast, password: \"${NATS_PASSWORD}\"", "${file:/run/secrets/crm}", "${CRM_SECRET}")
	for _, page := range []string{"README.md", "docs/destinations.md"} {
		text, err := os.ReadFile(filepath.Join("..", "..", page))
		if err != nil {
			t.Fatal(err)
		}
		shown := 0
		for part := range strings.SplitSeq(string(text), "```yaml\n") {
			yaml, _, ok := strings.Cut(part, "```")
			if !ok || !strings.Contains(yaml, "destinations:") {
				continue
			}
			shown++
			if _, err := config.Parse(page, []byte(files.Replace(yaml)), known(), environment); err != nil {
				t.Error(err)
			}
		}
		if shown == 0 {
			t.Errorf("%s shows no destinations", page)
		}
	}
}

package deploytest

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// program is the path of a program that `make build` has made.
func program(t *testing.T, name string) string {
	t.Helper()
	p, err := filepath.Abs(filepath.Join(root, "bin", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(p); err != nil {
		t.Fatalf("make build has not been run: %v", err)
	}
	return p
}

// output runs a program with nothing in its environment but env, and returns all it says.
func output(t *testing.T, env []string, path string, args ...string) (string, error) {
	t.Helper()
	c := exec.CommandContext(t.Context(), path, args...)
	c.Env = append([]string{}, env...)
	out, err := c.CombinedOutput()
	return string(out), err
}

var (
	setting  = regexp.MustCompile(`(?m)^(#?)([A-Z][A-Z0-9_]*)=(.*)$`)
	variable = regexp.MustCompile(`\$\{([A-Z][A-Z0-9_]*)`)
)

// variables are the names in ${...}, each once.
func variables(text string) []string {
	found := make(map[string]bool)
	for _, m := range variable.FindAllStringSubmatch(text, -1) {
		found[m[1]] = true
	}
	return slices.Sorted(maps.Keys(found))
}

// example is .env.example as somebody may have filled it in. The secret is one that fits everywhere.
func example(t *testing.T) map[string]string {
	t.Helper()
	out := make(map[string]string)
	for _, m := range setting.FindAllStringSubmatch(read(t, ".env.example"), -1) {
		if m[3] != "" {
			t.Errorf(".env.example: %s has a value: it would be everybody's", m[2])
		}
		value := "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
		if strings.HasSuffix(m[2], "_URL") {
			value = "https://crm.example.com/hooks"
		}
		out[m[2]] = value
	}
	return out
}

func assignments(env map[string]string) []string {
	var out []string
	for name, value := range env {
		out = append(out, name+"="+value)
	}
	return out
}

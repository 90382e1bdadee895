package deploytest

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestDynamicConfig has the development server, which knows all settings and their types, read those of the deployment:
// a server in production only logs what it does not understand. The development server stops before it starts, because
// it is given a port that is none.
func TestDynamicConfig(t *testing.T) {
	t.Parallel()
	var settings map[string][]struct {
		Value       any            `yaml:"value"`
		Constraints map[string]any `yaml:"constraints"`
	}
	if err := yaml.Unmarshal([]byte(read(t, "deploy/temporal/dynamicconfig.yaml")), &settings); err != nil {
		t.Fatal(err)
	}
	if len(settings) == 0 {
		t.Fatal("there are no settings")
	}
	start := func(settings ...string) string {
		args := []string{"server", "start-dev", "--port", "70000"}
		for _, s := range settings {
			args = append(args, "--dynamic-config-value", s)
		}
		out, err := output(t, nil, program(t, "holdfast-devserver"), args...)
		if err == nil {
			t.Fatalf("it started: %s", out)
		}
		return out
	}
	const refusal = "--port: 70000"
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		for _, s := range settings[key] {
			value, err := json.Marshal(s.Value)
			if err != nil {
				t.Fatal(err)
			}
			if out := start(key + "=" + string(value)); !strings.Contains(out, refusal) {
				t.Errorf("%s: %s", key, out)
			}
		}
	}
	if out := start("frontend.noSuchSetting=1"); strings.Contains(out, refusal) {
		t.Errorf("a setting that does not exist passes: %s", out)
	}
}

package main

import (
	"bytes"
	"strings"
	"testing"

	"go.temporal.io/server/common/dynamicconfig"
)

func TestWrongCommandLine(t *testing.T) {
	t.Parallel()
	start := func(args ...string) []string { return append([]string{"server", "start-dev"}, args...) }
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"serve"}, `"serve"`},
		{[]string{"server", "start"}, `"start"`},
		{start("now"), `"now"`},
		{start("--prot", "1"), "--prot"},
		{start("--port", "http"), "--port"},
		{start("--port", "70000"), "--port: 70000"},
		{start("--port", "65000"), "--ui-port"},
		{start("--ui-port", "-2"), "--ui-port: -2"},
		{start("--metrics-port", "70000"), "--metrics-port: 70000"},
		{start("--ip", "example.com"), `--ip: "example.com"`},
		{start("--ui-ip", "x"), `--ui-ip: "x"`},
		{start("--namespace", ""), "--namespace"},
		{start("--retention", "10"), "--retention"},
		{start("--retention", "30m"), "--retention: 30m"},
		{start("--search-attribute", "Source"), "--search-attribute"},
		{start("--search-attribute", "Source=String"), `"String"`},
		{start("--search-attribute", "WorkflowId=Keyword"), "WorkflowId"},
		{start("--dynamic-config-value", "frontend.rps"), "--dynamic-config-value"},
		{start("--dynamic-config-value", "frontend.rsp=1"), "frontend.rsp"},
		{start("--dynamic-config-value", "frontend.rps=many"), "frontend.rps"},
		{start("--ui-codec-endpoint", "localhost:8080"), "--ui-codec-endpoint"},
		{start("--db-filename", "a", "--postgres", "b"), "exclude each other"},
		{start("--log-level", "loud"), `--log-level: "loud"`},
		{start("--log-format", "xml"), `--log-format: "xml"`},
	} {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), test.args, &stdout, &stderr); code != 2 {
			t.Errorf("%v: exit code %d, want 2", test.args, code)
		}
		if !strings.Contains(stderr.String(), test.want) {
			t.Errorf("%v: error does not say %q: %s", test.args, test.want, &stderr)
		}
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"version"}, &stdout, &stderr); code != 0 {
		t.Errorf("exit code %d: %s", code, &stderr)
	}
	if want := "holdfast-devserver: Temporal server 1.32.1, UI 2.54.1\n"; stdout.String() != want {
		t.Errorf("got %q, want %q", &stdout, want)
	}
}

func TestDynamicConfigOverridesDefault(t *testing.T) {
	t.Parallel()
	given := dynamicConfig{values: dynamicconfig.StaticClient{}}
	for _, s := range []string{"frontend.WorkflowPauseEnabled=false", "frontend.keepAliveMinTime=5s", `history.rps=7`} {
		if err := given.Set(s); err != nil {
			t.Fatal(err)
		}
	}
	merged := given.over(defaultDynamicConfig(openMemory()))
	for name, want := range map[string]any{
		"matching.enableFairness":       true,
		"frontend.workflowPauseEnabled": false, // keys have no case
		"frontend.keepAliveMinTime":     "5s",
		"history.rps":                   7,
	} {
		values := merged.GetValue(dynamicconfig.MakeKey(name))
		if len(values) != 1 || values[0].Value != want {
			t.Errorf("%s is %v, want %v", name, values, want)
		}
	}
}

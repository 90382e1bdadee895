package deploytest

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

// TestAlerts parses the rules as Prometheus does, and looks for the metrics of ours that they ask about.
func TestAlerts(t *testing.T) {
	t.Parallel()
	p := parser.NewParser(parser.Options{})
	path := filepath.Join(root, "deploy/prometheus/alerts.yml")
	groups, errs := rulefmt.ParseFile(path, false, model.LegacyValidation, p, slog.New(slog.DiscardHandler))
	if len(errs) > 0 {
		t.Fatal(errors.Join(errs...))
	}
	known := metrics(t)
	seen, asked := make(map[string]bool), make(map[string]bool)
	for _, g := range groups.Groups {
		for _, r := range g.Rules {
			if seen[r.Alert] {
				t.Errorf("%s: there are two", r.Alert)
			}
			seen[r.Alert] = true
			if s := r.Labels["severity"]; s != "page" && s != "ticket" {
				t.Errorf("%s: severity is %q", r.Alert, s)
			}
			if r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
				t.Errorf("%s: does not say what is wrong and what follows", r.Alert)
			}
			expr, err := p.ParseExpr(r.Expr)
			if err != nil {
				t.Fatal(err)
			}
			parser.Inspect(expr, func(n parser.Node, path []parser.Node) error {
				v, ok := n.(*parser.VectorSelector)
				if !ok {
					return nil
				}
				switch name := v.Name; {
				case strings.HasPrefix(name, "holdfast_"):
					if !known[name] && !known[strings.TrimSuffix(name, "_total")] {
						t.Errorf("%s: nothing counts %s", r.Alert, name)
					}
					if toldByAll.MatchString(name) && !greatest(path) {
						t.Errorf("%s: every worker tells %s, so it asks for the greatest", r.Alert, name)
					}
					asked[name] = true
				case strings.HasPrefix(name, "temporal_"), name == "up":
				default:
					t.Errorf("%s: %q is no metric of ours", r.Alert, name)
				}
				return nil
			})
		}
	}
	if len(seen) == 0 {
		t.Error("there are no alerts")
	}
	for _, name := range []string{"holdfast_parked_workflows", "holdfast_owed_oldest_seconds", "holdfast_destination_held", "holdfast_destination_paused", "holdfast_poll_failures_total"} {
		if !asked[name] {
			t.Errorf("nobody is alerted by %s", name)
		}
	}
}

// toldByAll are the gauges of what is in Temporal and in the database, which every worker tells.
var toldByAll = regexp.MustCompile(`^holdfast_(parked_workflows$|owed_|destination_(held|paused)$)`)

// greatest reports whether the innermost aggregation on the way to a selector is max.
func greatest(path []parser.Node) bool {
	for _, n := range slices.Backward(path) {
		if a, ok := n.(*parser.AggregateExpr); ok {
			return a.Op == parser.MAX
		}
	}
	return false
}

// metrics are the names of metrics in the source code. What workflows count gets its _total when it is exported.
func metrics(t *testing.T) map[string]bool {
	t.Helper()
	name := regexp.MustCompile(`"(holdfast_[a-z_]+)"`)
	found := make(map[string]bool)
	for _, dir := range []string{"activities", "cmd", "console", "ingress", "internal", "worker", "workflows"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, _ fs.DirEntry, err error) error {
			if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				if errors.Is(err, fs.ErrNotExist) {
					return nil
				}
				return err
			}
			text, err := os.ReadFile(path)
			for _, m := range name.FindAllSubmatch(text, -1) {
				found[string(m[1])] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// TestScrapes checks that Prometheus asks services that exist, and reads rules that exist.
func TestScrapes(t *testing.T) {
	t.Parallel()
	var config struct {
		RuleFiles     []string `yaml:"rule_files"`
		ScrapeConfigs []struct {
			JobName       string `yaml:"job_name"`
			StaticConfigs []struct {
				Targets []string `yaml:"targets"`
			} `yaml:"static_configs"`
		} `yaml:"scrape_configs"`
	}
	if err := yaml.Unmarshal([]byte(read(t, "deploy/prometheus/prometheus.yml")), &config); err != nil {
		t.Fatal(err)
	}
	for _, f := range config.RuleFiles {
		read(t, filepath.Join("deploy/prometheus", f))
	}
	services := project(t).Services
	asked := make(map[string]bool)
	for _, s := range config.ScrapeConfigs {
		for _, c := range s.StaticConfigs {
			for _, target := range c.Targets {
				name, port, _ := strings.Cut(target, ":")
				if _, ok := services[name]; !ok || port != "9090" {
					t.Errorf("%s: nobody serves metrics at %s", s.JobName, target)
				}
				asked[name] = true
			}
		}
	}
	for _, name := range []string{"ingress", "worker"} {
		if !asked[name] {
			t.Errorf("nobody asks %s for its metrics", name)
		}
	}
}

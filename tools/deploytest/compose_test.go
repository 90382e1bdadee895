package deploytest

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// load reads docker-compose.yml as docker compose does: against its schema, with what services depend on, without cycles.
func load(t *testing.T, env map[string]string) (*types.Project, error) {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{filepath.Join(root, "docker-compose.yml")},
		cli.WithWorkingDirectory(root), cli.WithEnv(assignments(env)), cli.WithProfiles([]string{"*"}))
	if err != nil {
		t.Fatal(err)
	}
	return options.LoadProject(t.Context())
}

func project(t *testing.T) *types.Project {
	t.Helper()
	p, err := load(t, example(t))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestNothingStartsWithoutSecrets(t *testing.T) {
	t.Parallel()
	env := example(t)
	for _, m := range setting.FindAllStringSubmatch(read(t, ".env.example"), -1) {
		without := maps.Clone(env)
		without[m[2]] = ""
		optional := m[1] == "#"
		if _, err := load(t, without); (err == nil) != optional {
			t.Errorf("with %s empty: %v, want an error: %v", m[2], err, !optional)
		}
	}
	named := slices.Sorted(maps.Keys(env))
	if used := variables(read(t, "docker-compose.yml")); !slices.Equal(used, named) {
		t.Errorf("docker-compose.yml uses %v, and .env.example explains %v", used, named)
	}
}

func TestServices(t *testing.T) {
	t.Parallel()
	p := project(t)
	for name, s := range p.Services {
		if repository, tag, ok := strings.Cut(s.Image, ":"); s.Build == nil && (!ok || tag == "latest" || !strings.Contains(tag, ".")) {
			t.Errorf("%s: image %s has version %q: which one is it?", name, repository, tag)
		}
		if s.Restart == "" {
			t.Errorf("%s: does not say whether to start it again", name)
		}
		if !slices.Contains(s.SecurityOpt, "no-new-privileges:true") {
			t.Errorf("%s: may gain privileges", name)
		}
		if s.Logging == nil {
			t.Errorf("%s: logs may fill the disk", name)
		}
		for _, port := range s.Ports {
			public := name == "ingress" && port.Target == 8080
			if (port.HostIP == "127.0.0.1") == public {
				t.Errorf("%s: port %d is bound to %q", name, port.Target, port.HostIP)
			}
		}
		for _, v := range s.Volumes {
			if v.Type != types.VolumeTypeBind {
				continue
			}
			info, err := os.Stat(v.Source)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if !v.ReadOnly {
				t.Errorf("%s: may change %s", name, v.Source)
			}
			if strings.HasSuffix(v.Source, ".sh") && info.Mode()&0o111 == 0 {
				t.Errorf("%s: %s cannot be executed", name, v.Source)
			}
		}
		for other, d := range s.DependsOn {
			once := strings.HasPrefix(p.Services[other].Restart, "on-failure")
			switch d.Condition {
			case types.ServiceConditionCompletedSuccessfully:
				if !once {
					t.Errorf("%s waits for %s to end, which never does", name, other)
				}
			case types.ServiceConditionHealthy:
				if p.Services[other].HealthCheck == nil {
					t.Errorf("%s waits for %s to be healthy, which nobody checks", name, other)
				}
			default:
				t.Errorf("%s: depends on %s, without saying until when it waits", name, other)
			}
		}
	}
}

// TestOurServices compares the services with the program and the configuration that they run.
func TestOurServices(t *testing.T) {
	t.Parallel()
	p := project(t)
	holdfast := program(t, "holdfast")
	text := read(t, "deploy/holdfast.yaml")
	ours := 0
	for name, s := range p.Services {
		if s.Build == nil {
			continue
		}
		ours++
		if len(s.Command) == 0 || s.Command[0] != name {
			t.Errorf("%s: command is %v, and should have the service's name", name, s.Command)
			continue
		}
		help, err := output(t, nil, holdfast, s.Command[0], "--help")
		if err != nil || !strings.Contains(help, "holdfast "+name+" ") {
			t.Errorf("%s: there is no such command: %v\n%s", name, err, help)
		}
		mounted := ""
		for i, arg := range s.Command[1:] {
			if strings.HasPrefix(arg, "-") && !strings.Contains(help, " "+arg+" ") {
				t.Errorf("%s: has no flag %s", name, arg)
			}
			if arg == "--config" {
				mounted = s.Command[i+2]
			}
		}
		if !slices.ContainsFunc(s.Volumes, func(v types.ServiceVolumeConfig) bool {
			return v.Target == mounted && strings.HasSuffix(v.Source, "/deploy/holdfast.yaml")
		}) {
			t.Errorf("%s: reads %q, where deploy/holdfast.yaml is not mounted", name, mounted)
		}
		if used, passed := variables(text), slices.Sorted(maps.Keys(s.Environment)); !slices.Equal(used, passed) {
			t.Errorf("%s: is passed %v, and deploy/holdfast.yaml uses %v", name, passed, used)
		}
		if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) {
			t.Errorf("%s: may do more than it needs", name)
		}
		// The doors close within 15 s, and the activities end within 5 s more.
		if s.StopGracePeriod == nil || time.Duration(*s.StopGracePeriod) < 30*time.Second {
			t.Errorf("%s: is killed while it drains", name)
		}
	}
	if ours < 3 {
		t.Errorf("%d services are ours, want ingress, worker and setup at least", ours)
	}
}

// TestConfiguration has Holdfast check deploy/holdfast.yaml, as it is and with what is commented out.
func TestConfiguration(t *testing.T) {
	t.Parallel()
	env := assignments(example(t))
	holdfast := program(t, "holdfast")
	text := read(t, "deploy/holdfast.yaml")
	everything := strings.ReplaceAll(text, "\n#  ", "\n  ")
	if everything == text {
		t.Error("nothing is commented out any more")
	}
	for name, text := range map[string]string{"as it is": text, "everything": everything} {
		path := filepath.Join(t.TempDir(), "holdfast.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := output(t, env, holdfast, "check", "--config", path); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	if out, err := output(t, nil, holdfast, "check", "--config", filepath.Join(root, "deploy/holdfast.yaml")); err == nil {
		t.Errorf("without any secret: %s", out)
	}
}

// TestImage compares the Dockerfile with go.mod and with the program.
func TestImage(t *testing.T) {
	t.Parallel()
	dockerfile := read(t, "Dockerfile")
	_, version, _ := strings.Cut(read(t, "go.mod"), "\ngo ")
	major, minor, _ := strings.Cut(version, ".")
	minor, _, _ = strings.Cut(minor, ".")
	if want := "FROM golang:" + major + "." + minor + " "; !strings.Contains(dockerfile, want) {
		t.Errorf("Dockerfile builds with another Go than go.mod wants: %s", want)
	}
	_, command, ok := strings.Cut(dockerfile, `CMD ["`)
	command, _, _ = strings.Cut(command, `"`)
	if help, err := output(t, nil, program(t, "holdfast"), command, "--help"); !ok || err != nil || !strings.Contains(help, "holdfast "+command+" ") {
		t.Errorf("the image runs holdfast %s: %v\n%s", command, err, help)
	}
}

package chaos

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// skewSeconds is the environment variable that puts the clock of a skewed program forward.
const skewSeconds = "HOLDFAST_CHAOS_SKEW"

// skewed sets the clocks of two processes wrong. A Go program asks the kernel for the time without a system call, so nobody
// in between could lie to it; therefore it is built with a time package that does.
func skewed(t *testing.T, s *site) *options {
	program := build(t, filepath.Join(s.dir, "holdfast-skewed"), append(raceFlags(), "-overlay="+overlay(t, s.dir))...)
	return &options{
		room: func(name string, r *room) {
			switch name {
			case "ingress-1":
				r.env = append(r.env, skewSeconds+"=-3600")
			case "worker-1":
				r.env = append(r.env, skewSeconds+"=3600")
			default:
				return
			}
			r.args[0] = program
		},
	}
}

// overlay makes, from the installed Go's own time package, one whose Now is off by so many seconds, and returns the file
// that go build -overlay takes.
func overlay(t *testing.T, dir string) string {
	t.Helper()
	original := filepath.Join(mustRun(t, "go", "env", "GOROOT"), "src", "time", "time.go")
	source, err := os.ReadFile(original)
	if err != nil {
		t.Fatal(err)
	}
	const now = "func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n"
	if strings.Count(string(source), now) != 1 || strings.Count(string(source), "import (\n") != 1 {
		t.Fatalf("%s is not written as this test knows it: teach it how Now begins", original)
	}
	text := strings.Replace(string(source), now, now+"\tsec += skew\n", 1)
	text = strings.Replace(text, "import (\n", "import (\n\t\"syscall\"\n", 1)
	text += `
var skew = func() (n int64) {
	text, _ := syscall.Getenv("` + skewSeconds + `")
	sign := int64(1)
	for _, c := range text {
		if c == '-' {
			sign = -1
		} else {
			n = 10*n + int64(c-'0')
		}
	}
	return sign * n
}()
`
	changed, list := filepath.Join(dir, "time.go"), filepath.Join(dir, "overlay.json")
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {original: changed}})
	if err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string][]byte{changed: []byte(text), list: replace} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return list
}

package chaos

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// A process is a program that can be killed, stopped and started again, with the same command line each time. What it
// writes goes to a file beside the others.
type process struct {
	t          *testing.T
	name       string
	args       []string // of the program, which is the first
	env        []string
	credential *syscall.Credential // nil: ours
	goodbye    syscall.Signal      // that asks it to end
	log        string              // file

	cmd   *exec.Cmd
	ended chan struct{} // closed when cmd has ended
}

func newProcess(t *testing.T, dir, name string, args ...string) *process {
	p := &process{t: t, name: name, args: args, goodbye: syscall.SIGTERM, log: filepath.Join(dir, name+".log")}
	t.Cleanup(func() {
		if p.running() {
			p.kill()
		}
		if t.Failed() {
			t.Logf("the last words of %s:\n%s", name, p.lastWords())
		}
	})
	return p
}

func (p *process) start() {
	p.t.Helper()
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		p.t.Fatal(err)
	}
	defer out.Close() // the child has its own
	cmd := exec.Command(p.args[0], p.args[1:]...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "HOME=" + filepath.Dir(p.log)}, p.env...)
	cmd.Dir = filepath.Dir(p.log)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: p.credential}
	dieWithParent(cmd.SysProcAttr)
	if err := cmd.Start(); err != nil {
		p.t.Fatalf("start %s: %v", p.name, err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // what it says is in cmd.ProcessState
		close(ended)
	}()
	p.cmd, p.ended = cmd, ended
}

func (p *process) running() bool {
	if p.cmd == nil {
		return false
	}
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// kill ends it at once: kill -9. One that has ended already has done so on its own account, and no test expects that.
func (p *process) kill() {
	p.t.Helper()
	if !p.running() {
		p.t.Errorf("%s has ended by itself: %v", p.name, p.cmd.ProcessState)
		return
	}
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Errorf("kill %s: %v", p.name, err)
	}
	<-p.ended
}

// stop asks it to end and waits until it has.
func (p *process) stop() {
	p.t.Helper()
	if !p.running() {
		p.t.Errorf("%s has ended by itself: %v", p.name, p.cmd.ProcessState)
		return
	}
	if err := p.cmd.Process.Signal(p.goodbye); err != nil {
		p.t.Errorf("stop %s: %v", p.name, err)
	}
	select {
	case <-p.ended:
	case <-time.After(time.Minute):
		p.t.Errorf("%s did not end within a minute of being asked to", p.name)
		p.kill()
		return
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		p.t.Errorf("%s ended with status %d", p.name, code)
	}
}

// lastWords is the end of what it wrote or, if that has one, what the race detector has found first.
func (p *process) lastWords() []byte {
	const enough = 4 << 10
	text, err := os.ReadFile(p.log)
	if err != nil {
		return []byte(err.Error())
	}
	if i := bytes.Index(text, []byte("WARNING: DATA RACE")); i >= 0 {
		return text[i:min(len(text), i+2*enough)]
	}
	if len(text) > enough {
		text = text[len(text)-enough:]
		text = text[bytes.IndexByte(text, '\n')+1:]
	}
	return text
}

// output runs a command to its end.
func output(name string, args ...string) (string, error) {
	text, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", name, err, bytes.TrimSpace(text))
	}
	return string(bytes.TrimSpace(text)), nil
}

func mustRun(t *testing.T, name string, args ...string) string {
	t.Helper()
	text, err := output(name, args...)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Target is a program whose cost is measured: a process with all its descendants, or all processes whose command line
// contains a text.
type Target struct {
	Name string
	PID  int    // 0: by Pattern
	Text string // of the command line
}

// ParseTarget reads "name=1234" or "name=text".
func ParseTarget(from string) (Target, error) {
	name, what, ok := strings.Cut(from, "=")
	if !ok || name == "" || what == "" {
		return Target{}, fmt.Errorf("%q is neither name=pid nor name=text of a command line", from)
	}
	if pid, err := strconv.Atoi(what); err == nil {
		if pid < 1 {
			return Target{}, fmt.Errorf("%d is no process id", pid)
		}
		return Target{Name: name, PID: pid}, nil
	}
	return Target{Name: name, Text: what}, nil
}

// A Cost is what a program used while it was measured.
type Cost struct {
	Name      string  `json:"name"`
	Processes int     `json:"processes"` // how many were seen
	CPU       float64 `json:"cpu_seconds"`
	// Memory is the most that was resident at a time, in bytes; pages that processes may share count once.
	Memory int64 `json:"memory_peak_bytes"`
}

// A Machine is how busy the whole machine was meanwhile.
type Machine struct {
	Cores   int     `json:"cores"`
	Seconds float64 `json:"seconds"`
	Idle    float64 `json:"idle_share"`
	Stolen  float64 `json:"stolen_share"` // taken by other virtual machines
	Busy    float64 `json:"cpu_seconds"`  // of all processes
}

// meterEvery is how often processes are looked at: what ends in between is counted until it was last seen. To look costs
// milliseconds itself.
const meterEvery = time.Second

// A Meter measures programs on Linux, from /proc.
type Meter struct {
	proc    string
	targets []Target
	tick    float64 // of a second

	began time.Time
	first []uint64
	seen  []map[process]span // by target
	peak  []int64
}

// A process is known by its start as well: ids are used again.
type process struct {
	pid   int
	start uint64
}

// A span is the ticks that a process had used when it was first and last seen.
type span struct{ from, to uint64 }

// StartMeter begins to measure. What begins later counts from its own beginning.
func StartMeter(targets []Target) (*Meter, error) { return startMeter("/proc", targets) }

func startMeter(proc string, targets []Target) (*Meter, error) {
	m := &Meter{proc: proc, targets: targets, tick: 1. / 100, began: time.Now(), peak: make([]int64, len(targets))}
	for range targets {
		m.seen = append(m.seen, map[process]span{})
	}
	var err error
	if m.first, err = m.system(); err != nil {
		return nil, fmt.Errorf("measure processes: %w", err)
	}
	if err := m.look(true); err != nil {
		return nil, fmt.Errorf("measure processes: %w", err)
	}
	for i, t := range targets {
		if len(m.seen[i]) == 0 {
			return nil, fmt.Errorf("measure %s: there is no such process", t.Name)
		}
	}
	return m, nil
}

// Run looks at the processes until the context ends.
func (m *Meter) Run(ctx context.Context) error {
	ticker := time.NewTicker(meterEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if err := m.look(false); err != nil {
				return fmt.Errorf("measure processes: %w", err)
			}
		}
	}
}

// Costs looks a last time, and says what was used. [Meter.Run] must have returned.
func (m *Meter) Costs() ([]Cost, Machine, error) {
	last, err := m.system()
	if err == nil {
		err = m.look(false)
	}
	if err != nil {
		return nil, Machine{}, fmt.Errorf("measure processes: %w", err)
	}
	costs := make([]Cost, len(m.targets))
	for i, t := range m.targets {
		ticks := uint64(0)
		for _, s := range m.seen[i] {
			ticks += s.to - s.from
		}
		costs[i] = Cost{Name: t.Name, Processes: len(m.seen[i]), CPU: float64(ticks) * m.tick, Memory: m.peak[i]}
	}
	machine := Machine{Cores: runtime.NumCPU(), Seconds: time.Since(m.began).Seconds()}
	total := 0.
	for i := range last {
		total += float64(last[i] - m.first[i])
	}
	if total > 0 {
		idle := float64(last[3]-m.first[3]) + float64(last[4]-m.first[4])
		stolen := float64(last[7] - m.first[7])
		machine.Idle, machine.Stolen, machine.Busy = idle/total, stolen/total, (total-idle-stolen)*m.tick
	}
	return costs, machine, nil
}

// system reads what the machine's processors did, in ticks: user, nice, system, idle, iowait, irq, softirq, steal (proc(5)).
func (m *Meter) system() ([]uint64, error) {
	text, err := os.ReadFile(filepath.Join(m.proc, "stat"))
	if err != nil {
		return nil, err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
		return nil, errors.New("the first line of stat is not about all processors")
	}
	out := make([]uint64, 8)
	for i := range out {
		if out[i], err = strconv.ParseUint(fields[i+1], 10, 64); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// A sighting is a process as it is now.
type sighting struct {
	process
	parent int
	ticks  uint64
}

func (m *Meter) look(first bool) error {
	all, err := m.all()
	if err != nil {
		return err
	}
	for i, t := range m.targets {
		memory, shared := int64(0), int64(0)
		for _, p := range m.members(all, t) {
			s, known := m.seen[i][p.process]
			if !known && first {
				s.from = p.ticks
			}
			s.to = max(s.to, p.ticks)
			m.seen[i][p.process] = s
			resident, common := m.memory(p.pid)
			memory += resident - common
			shared = max(shared, common)
		}
		m.peak[i] = max(m.peak[i], memory+shared)
	}
	return nil
}

// members are the processes of a target.
func (m *Meter) members(all []sighting, t Target) []sighting {
	var out []sighting
	if t.PID == 0 {
		for _, p := range all {
			// Zero bytes separate arguments. A process that has ended has none.
			line, _ := os.ReadFile(filepath.Join(m.proc, strconv.Itoa(p.pid), "cmdline"))
			if p.pid != os.Getpid() && strings.Contains(string(bytes.ReplaceAll(line, []byte{0}, []byte{' '})), t.Text) {
				out = append(out, p)
			}
		}
		return out
	}
	children := map[int][]sighting{}
	for _, p := range all {
		children[p.parent] = append(children[p.parent], p)
		if p.pid == t.PID {
			out = append(out, p)
		}
	}
	for i := 0; i < len(out); i++ {
		out = append(out, children[out[i].pid]...)
	}
	return out
}

func (m *Meter) all() ([]sighting, error) {
	entries, err := os.ReadDir(m.proc)
	if err != nil {
		return nil, err
	}
	var out []sighting
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		text, err := os.ReadFile(filepath.Join(m.proc, e.Name(), "stat"))
		if errors.Is(err, fs.ErrNotExist) || err != nil && strings.Contains(err.Error(), "no such process") {
			continue // it has ended
		} else if err != nil {
			return nil, err
		}
		// The name in parentheses may hold anything; what follows the last one is fields from the third on (proc(5)).
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		if len(fields) < 20 {
			continue
		}
		number := func(field int) uint64 {
			n, _ := strconv.ParseUint(fields[field-3], 10, 64) // the system wrote it
			return n
		}
		out = append(out, sighting{
			process: process{pid: pid, start: number(22)}, parent: int(number(4)), ticks: number(14) + number(15),
		})
	}
	return slices.Clip(out), nil
}

// memory is what a process has resident, and how much of that it may share, in bytes; nothing if it has ended.
func (m *Meter) memory(pid int) (resident, shared int64) {
	text, err := os.ReadFile(filepath.Join(m.proc, strconv.Itoa(pid), "statm"))
	fields := strings.Fields(string(text))
	if err != nil || len(fields) < 3 {
		return 0, 0
	}
	pages := func(i int) int64 {
		n, _ := strconv.ParseInt(fields[i], 10, 64) // the system wrote it
		return n * int64(os.Getpagesize())
	}
	return pages(1), pages(2)
}

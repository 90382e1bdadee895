package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"holdfast/internal/spool"
	"holdfast/internal/temporal"
	"holdfast/internal/webhook"
)

// spoolKey is where a script keeps the spool that it has open.
type spoolKey struct{}

// spoolCommand is the script command `spool`. With a directory, it opens the spool there, appends to all of its queues,
// takes everything out, or closes it; with that of a queue, it cuts off the end of the segment there, or lets a byte of it
// rot.
func spoolCommand(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[1])
	held := ts.Value(spoolKey{}).(**spool.Spool)
	switch args[0] {
	case "open":
		s, err := spool.Open(spool.Options{Dir: dir})
		ts.Check(err)
		*held = s
	case "append":
		payloads, err := temporal.Converter()
		ts.Check(err)
		refused, err := temporal.FileCodec{Converter: payloads}.Encode(map[string]webhook.Webhook{"webhook": {
			ID: "0123456789abcdef", Source: "meta-main", Received: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Body: []byte(`{"text": "secret"}`),
		}})
		ts.Check(err)
		s := *held
		ts.Check(s.Urgent.Append([]byte("x")))
		ts.Check(s.Bulk.Append([]byte("x"), []byte("y"), []byte("z")))
		ts.Check(s.Aside.Append(refused, []byte("secret nonsense")))
	case "drain":
		for _, q := range []*spool.Queue{(*held).Urgent, (*held).Bulk, (*held).Aside} {
			entries, err := q.Peek(100, 1<<20)
			ts.Check(err)
			ts.Check(q.Done(entries))
		}
	case "close":
		ts.Check((*held).Close())
	case "cut", "rot":
		files, err := filepath.Glob(filepath.Join(dir, "*.seg"))
		ts.Check(err)
		b, err := os.ReadFile(files[0])
		ts.Check(err)
		if args[0] == "cut" {
			b = b[:len(b)-1]
		} else {
			b[20] ^= 1
		}
		ts.Check(os.WriteFile(files[0], b, 0o600))
	}
}

// `holdfast dev` keeps the spool beside everything else, and its configuration says where.
func TestDevKeepsTheSpoolInItsData(t *testing.T) {
	for name, tt := range map[string]struct{ file, want string }{
		"none":     {"", "spool"},
		"not said": {"{}", "holdfast-spool"},
		"relative": {"spool: {dir: here}", "here"},
		"absolute": {"spool: {dir: /var/lib/spool}", "/var/lib/spool"},
	} {
		t.Run(name, func(t *testing.T) {
			data := t.TempDir()
			var flags commonFlags
			if tt.file != "" {
				flags.config = filepath.Join(t.TempDir(), "holdfast.yaml")
				if err := os.WriteFile(flags.config, []byte(tt.file), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			cfg, err := devConfig(&flags, data)
			if err != nil {
				t.Fatal(err)
			}
			want := tt.want
			if !filepath.IsAbs(want) {
				want = filepath.Join(data, want)
			}
			if cfg.Spool.Dir != want {
				t.Errorf("the spool is in %s, want %s", cfg.Spool.Dir, want)
			}
		})
	}
}

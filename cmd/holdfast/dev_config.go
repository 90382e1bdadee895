package main

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"holdfast/internal/config"
	"holdfast/internal/signature"
)

// devConfig reads the configuration for `holdfast dev`, and makes one in the data directory if none is named. Whatever it
// says, everything listens on loopback, and SQLite's file, the spool and the storage lie in the data directory.
func devConfig(common *commonFlags, data string) (*config.Config, error) {
	path := common.config
	if path == "" {
		path = filepath.Join(data, demoConfig)
		if err := writeDemo(path, data); err != nil {
			return nil, err
		}
	}
	cfg, err := config.Load(path, known(), os.LookupEnv)
	if err != nil {
		return nil, err
	}
	cfg.Ingress.Listen, cfg.Metrics.Listen = loopback(cfg.Ingress.Listen), loopback(cfg.Metrics.Listen)
	cfg.Codec.Listen = loopback(cmp.Or(cfg.Codec.Listen, "127.0.0.1:0"))
	if file, ok := strings.CutPrefix(string(cfg.State.URL), "sqlite:"); ok && !filepath.IsAbs(file) && common.config != "" {
		cfg.State.URL = signature.Secret("sqlite:" + filepath.Join(data, file))
	}
	if !filepath.IsAbs(cfg.Spool.Dir) && common.config != "" {
		cfg.Spool.Dir = filepath.Join(data, cfg.Spool.Dir)
	}
	switch dir := cfg.Storage.Dir; {
	case dir == "" && cfg.Storage.S3.Bucket == "":
		cfg.Storage.Dir = filepath.Join(data, "storage")
	case dir != "" && !filepath.IsAbs(dir) && common.config != "":
		cfg.Storage.Dir = filepath.Join(data, dir)
	}
	if cfg.Codec.Listen, err = settle(cfg.Codec.Listen); err != nil {
		return nil, err
	}
	return cfg, nil
}

// settle turns port 0 into a free port: the Temporal UI has to know it before anybody listens there.
func settle(addr string) (string, error) {
	if !strings.HasSuffix(addr, ":0") {
		return addr, nil
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func loopback(listen string) string {
	_, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen // config has checked it
	}
	return net.JoinHostPort("127.0.0.1", port)
}

// writeDemo writes a configuration with secrets of its own, unless there is one from an earlier run.
func writeDemo(path, data string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	text := fmt.Sprintf(`# Made by 'holdfast dev' for a demonstration, with secrets of its own. Yours to change.
ingress: {listen: "127.0.0.1:8080"}
metrics: {listen: "127.0.0.1:9090"}
state: {url: "sqlite:%s"}
spool: {dir: %q}
storage: {dir: %q}
sources:
  meta-demo: {provider: meta, app_secrets: [%q], verify_token: %q}
  nxtele-demo: {provider: nxtele, access_keys: {demo: %q}}
  innopaas-demo: {provider: innopaas, credentials: [{name: demo, user_name: demo, authorization: %q}]}
  whizard-demo: {provider: whizard, phone: "15550001111", credentials: [{name: demo, headers: {Authorization: %q}}]}
  360dialog-demo: {provider: 360dialog, platform_secrets: [%q]}
# 'holdfast dev' adds a destination named "terminal", which prints what it is told. Others go here:
# destinations:
#   crm: {url: "http://127.0.0.1:9999/hooks", secret: "whsec_%s", private: true, events: ["account.*", "contact.*"]}
`, filepath.ToSlash(filepath.Join(data, "state.db")), filepath.ToSlash(filepath.Join(data, "spool")), filepath.ToSlash(filepath.Join(data, "storage")),
		rand.Text(), rand.Text(), rand.Text(), rand.Text(), rand.Text(), rand.Text(), newSigningKey())
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write demonstration configuration: %w", err)
	}
	return nil
}

// newSigningKey is the part of a Standard Webhooks secret behind whsec_.
func newSigningKey() string {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return base64.StdEncoding.EncodeToString(key)
}

// makeData makes the data directory, for its owner only. One that was there is left as it is: it may be more than that.
func makeData(dir string, errOut io.Writer) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make data directory: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("look at data directory: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		fmt.Fprintf(errOut, "holdfast: others may look into %s (mode %#o), where webhooks are kept; 'chmod 700 %[1]s' keeps them out\n", dir, mode)
	}
	return nil
}

// lock takes a file for this process alone, and leaves its id there. The system releases it when the process ends, however
// it ends.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	defer func() {
		if err != nil {
			_ = f.Close() // it was only looked at
		}
	}()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); errors.Is(err, syscall.EWOULDBLOCK) {
		holder := ""
		if text, err := io.ReadAll(io.LimitReader(f, 20)); err == nil && len(text) > 0 {
			holder = fmt.Sprintf("(process %s) ", bytes.TrimSpace(text))
		}
		return nil, fmt.Errorf("another 'holdfast dev' %sis using this data directory", holder)
	} else if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	if err := f.Truncate(0); err != nil {
		return nil, fmt.Errorf("write lock: %w", err)
	}
	if _, err := fmt.Fprintln(f, os.Getpid()); err != nil {
		return nil, fmt.Errorf("write lock: %w", err)
	}
	return func() { _ = f.Close() }, nil
}

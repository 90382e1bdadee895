package storage

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"

	"holdfast/internal/config"
	"holdfast/internal/webhook"
)

// s3 is a real server of that protocol, which all tests of this package share; each has a bucket of its own.
var s3 struct {
	once    sync.Once
	url     string
	process *exec.Cmd
	folder  string
	err     error
	buckets atomic.Int64
}

func TestMain(m *testing.M) {
	status := m.Run()
	if s3.process != nil {
		_ = s3.process.Process.Kill() // it may have ended
		_ = s3.process.Wait()
	}
	if s3.folder != "" {
		_ = os.RemoveAll(s3.folder) // it is temporary
	}
	os.Exit(status)
}

func settings() config.S3 {
	return config.S3{
		Endpoint: s3.url, Region: "us-east-1", Bucket: "bucket-" + strconv.FormatInt(s3.buckets.Add(1), 10), Prefix: "/some/where/",
		AccessKey: "access-one", SecretKey: "secret-one", PathStyle: true,
	}
}

func openBucket(t *testing.T) *bucket {
	t.Helper()
	s3.once.Do(func() { s3.err = startS3() })
	if s3.err != nil {
		t.Fatalf("start an S3 server: %v", s3.err)
	}
	b, err := newBucket(settings())
	if err != nil {
		t.Fatal(err)
	}
	if err := b.client.MakeBucket(t.Context(), b.name, minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
	return b
}

// startS3 starts the server of tools/s3, which Go compiles the first time.
func startS3() error {
	ask := exec.Command("go", "tool", "-n", "versitygw")
	ask.Dir = filepath.Join("..", "..", "tools", "s3")
	ask.Stderr = os.Stderr
	program, err := ask.Output()
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		return err
	}
	if s3.folder, err = os.MkdirTemp("", "s3-*"); err != nil {
		return err
	}
	data, attributes := filepath.Join(s3.folder, "data"), filepath.Join(s3.folder, "attributes")
	for _, folder := range []string{data, attributes} {
		if err := os.Mkdir(folder, 0o700); err != nil {
			return err
		}
	}
	own := settings()
	s3.url = "http://" + address
	s3.process = exec.Command(strings.TrimSpace(string(program)), "--access", string(own.AccessKey), "--secret", string(own.SecretKey),
		"--port", address, "--quiet", "--health", "/health", "posix", "--sidecar", attributes, data)
	s3.process.Stderr = os.Stderr
	if err := s3.process.Start(); err != nil {
		return err
	}
	deadline := time.After(30 * time.Second)
	for {
		if answer, err := http.Get(s3.url + "/health"); err == nil {
			_ = answer.Body.Close() // it is up, whatever it says
			return nil
		}
		select {
		case <-deadline:
			return errors.New("it does not answer")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// The server is one that checks who asks, or the exam would not say much.
func TestS3Refuses(t *testing.T) {
	o := settings()
	o.Bucket = openBucket(t).name
	for name, change := range map[string]func(*config.S3){
		"wrong secret":   func(c *config.S3) { c.SecretKey = "secret-two" },
		"no such bucket": func(c *config.S3) { c.Bucket = "nobodys" },
	} {
		c := o
		change(&c)
		b, err := newBucket(c)
		if err != nil {
			t.Fatal(err)
		}
		e := newExam(b)
		_, err = e.Store(converter.StorageDriverStoreContext{Context: t.Context(), Target: of("wh/2")}, []*commonpb.Payload{payload(10)})
		if !errors.Is(err, webhook.ErrStorage) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: store: %v", name, err)
		}
		claim := converter.StorageDriverClaim{ClaimData: map[string]string{claimKey: newKey(of("wh/2"), e.now, nil).String(), claimSize: "0"}}
		if _, err := e.retrieve(t, claim); err == nil || errors.Is(err, ErrMissing) {
			t.Errorf("%s: retrieve: %v", name, err) // not missing: something else is wrong
		}
		if err := e.Probe(t.Context()); err == nil {
			t.Errorf("%s: the probe found nothing", name)
		}
	}
}

// A server that accepts and never answers is given up in time.
func TestS3Hangs(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := settings()
	c.Endpoint = "http://" + l.Addr().String()
	b, err := newBucket(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = newExam(b).Store(converter.StorageDriverStoreContext{Context: ctx, Target: of("wh/2")}, []*commonpb.Payload{payload(10)})
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, webhook.ErrStorage) {
		t.Errorf("got %v", err)
	}
}

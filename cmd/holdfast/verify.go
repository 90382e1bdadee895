package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"holdfast/ingress"
	"holdfast/internal/config"
	"holdfast/internal/diagnosis"
	"holdfast/internal/pasted"
	"holdfast/internal/provider"
	"holdfast/internal/signature"
)

// verifyFlags are the flags of `holdfast verify`.
type verifyFlags struct {
	source                string
	headers               []string
	curl, http            string
	secretEnv, secretFile string
	at                    string
}

func newVerify(common *commonFlags) *cobra.Command {
	var flags verifyFlags
	c := &cobra.Command{
		Use:   "verify [FILE | -]",
		Short: "Say why a request does or does not verify",
		Long: `Reads a request and says step by step whether a source accepts it, and if not, why: it tries what commonly happens to
bodies, headers and secrets on their way, and names what would make it verify. It needs no running Holdfast, sends nothing,
and shows neither secrets nor bodies.

The body is a file or standard input (-), with its headers by -H; or --curl reads a pasted curl command line, --http a request
as text with its head. A file must have the very bytes: an editor that adds a line end breaks a signature, too.

To try a secret that is not configured, put it into a variable or a file, so that no shell remembers it.

It ends with 0 if the request verifies, with 1 if not.`,
		Example: `  holdfast verify --source meta-main -H 'X-Hub-Signature-256: sha256=…' body.json
  pbpaste | holdfast verify --source meta-main --curl -`,
		Args: func(_ *cobra.Command, args []string) error {
			given := len(args)
			for _, flag := range []string{flags.curl, flags.http} {
				if flag != "" {
					given++
				}
			}
			if given != 1 {
				return &usageError{errors.New("verify takes one request: a file or - with the body, --curl, or --http")}
			}
			if flags.secretEnv != "" && flags.secretFile != "" {
				return &usageError{errors.New("--secret-env and --secret-file exclude each other")}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			request, err := flags.request(args, c.InOrStdin())
			if err != nil {
				return err
			}
			at, err := flags.arrival()
			if err != nil {
				return err
			}
			candidate, err := flags.candidate()
			if err != nil {
				return err
			}
			cfg, err := common.load()
			if err != nil {
				return err
			}
			name, _, err := target(cfg, flags.source, "")
			if err != nil {
				return &usageError{err}
			}
			report, err := verify(cfg, name, request, candidate, at)
			if err != nil {
				return err
			}
			if err := report.Write(c.OutOrStdout()); err != nil {
				return fmt.Errorf("write report: %w", err)
			}
			if !report.Verifies {
				return errors.New("the request does not verify")
			}
			return nil
		},
	}
	c.Flags().StringVar(&flags.source, "source", "", "source that it was meant for (default: the only one)")
	c.Flags().StringArrayVarP(&flags.headers, "header", "H", nil, "header of the request, 'Name: value'; may be repeated")
	c.Flags().StringVar(&flags.curl, "curl", "", "file with a curl command line, or -")
	c.Flags().StringVar(&flags.http, "http", "", "file with an HTTP request as text, or -")
	c.Flags().StringVar(&flags.secretEnv, "secret-env", "", "environment variable with a secret to try")
	c.Flags().StringVar(&flags.secretFile, "secret-file", "", "file with a secret to try")
	c.Flags().StringVar(&flags.at, "at", "", "when it arrived, such as 2026-11-21T10:00:00Z (default: now)")
	return c
}

// request reads what was given.
func (f verifyFlags) request(args []string, stdin io.Reader) (*pasted.Request, error) {
	name := cmp.Or(f.curl, f.http)
	if len(args) > 0 {
		name = args[0]
	}
	text, err := os.ReadFile(name)
	if name == "-" {
		text, err = io.ReadAll(stdin)
	}
	if err != nil {
		return nil, fmt.Errorf("read the request: %w", err)
	}
	var request *pasted.Request
	switch {
	case f.curl != "":
		request, err = pasted.Curl(string(text), readNamed)
	case f.http != "":
		request, err = pasted.HTTP(text)
	default:
		request = &pasted.Request{Method: http.MethodPost, Header: http.Header{}, Body: text}
	}
	if err != nil {
		return nil, &usageError{fmt.Errorf("read the request: %w", err)}
	}
	for _, header := range f.headers {
		name, value, ok := strings.Cut(header, ":")
		if !ok { // which may be a value without its name: it is not repeated
			return nil, &usageError{errors.New("-H wants 'Name: value'")}
		}
		request.Header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	return request, nil
}

// readNamed reads a file that a pasted command names, which may be a stranger's: no device or pipe, which might have no end, and
// no more than any ingress takes.
func readNamed(name string) ([]byte, error) {
	const most = 64 << 20
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("it is not a regular file")
	case info.Size() > most:
		return nil, fmt.Errorf("it has more than %d bytes", most)
	}
	return os.ReadFile(name)
}

func (f verifyFlags) arrival() (time.Time, error) {
	if f.at == "" {
		return time.Now(), nil
	}
	at, err := time.Parse(time.RFC3339, f.at)
	if err != nil {
		return at, &usageError{errors.New("--at: want a time with its zone, such as 2026-11-21T10:00:00Z")}
	}
	return at, nil
}

// candidate is the secret to try, "" if there is none.
func (f verifyFlags) candidate() (signature.Secret, error) {
	switch {
	case f.secretEnv != "":
		secret := os.Getenv(f.secretEnv)
		if secret == "" {
			// It may be the secret itself: it is not repeated.
			return "", &usageError{errors.New("--secret-env: no variable of this name is set, or it is empty")}
		}
		return signature.Secret(secret), nil
	case f.secretFile != "":
		text, err := os.ReadFile(f.secretFile)
		if err != nil {
			if op, ok := errors.AsType[*fs.PathError](err); ok {
				err = op.Err // likewise
			}
			return "", fmt.Errorf("read --secret-file: %w", err)
		}
		text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
		if len(text) == 0 {
			return "", &usageError{errors.New("--secret-file is empty")}
		}
		return signature.Secret(text), nil
	}
	return "", nil
}

// verify asks a source about a request, as its ingress would: the form of the request first, then the proof.
func verify(cfg *config.Config, name string, request *pasted.Request, candidate signature.Secret, at time.Time) (diagnosis.Report, error) {
	source := cfg.Sources[name]
	if request.Method == http.MethodGet && len(request.Body) == 0 {
		return verifyHandshake(name, source, request), nil
	}
	dialects := provider.List()
	question := diagnosis.Question{
		Source: name, Options: source.Options, Insecure: source.Insecure, Others: map[string]provider.Provider{},
		Dialect:   dialects[slices.IndexFunc(dialects, func(d provider.Dialect) bool { return d.Name == source.Dialect })],
		Candidate: candidate, Header: request.Header, Body: request.Body, Received: at,
	}
	for other, s := range cfg.Sources {
		if other != name {
			question.Others[other] = s.Provider
		}
	}
	if request.File != nil {
		question.Other = []diagnosis.Reading{{How: "the file as it is, without what curl makes of it", Body: request.File}}
	}
	report, err := diagnosis.Explain(question)
	if err != nil {
		return report, err
	}
	lines := notes(request)
	status, reason, ok := http.StatusMethodNotAllowed, "wrong_method", request.Method == http.MethodPost
	if ok {
		status, reason, ok = ingress.CheckHeaders(&http.Request{Header: request.Header, ContentLength: int64(len(request.Body))}, int64(source.MaxBody))
	}
	if !ok {
		lines = append(lines, diagnosis.Line{Mark: diagnosis.Bad, About: "request", Says: fmt.Sprintf("is answered %d (%s) before anything of it is verified", status, reason)})
		report.Verifies = false
		report.Verdict = fmt.Sprintf("refused with %d: %s; apart from that, it %s", status, reason, report.Verdict)
	}
	report.Lines = append(lines, report.Lines...)
	return report, nil
}

func notes(request *pasted.Request) []diagnosis.Line {
	var lines []diagnosis.Line
	for _, note := range request.Notes {
		lines = append(lines, diagnosis.Line{Mark: diagnosis.Note, About: "request", Says: note})
	}
	return lines
}

// verifyHandshake looks at a request that asks whether an endpoint is ours. Nothing of it is shown: it has the token.
func verifyHandshake(name string, source config.Source, request *pasted.Request) diagnosis.Report {
	report := diagnosis.Report{Lines: notes(request), Verdict: "does not verify: a GET without a body is no webhook, and provider " + source.Dialect + " asks nothing before it sends"}
	shaker, ok := source.Provider.(provider.Handshaker)
	if !ok {
		return report
	}
	where, err := url.Parse(request.URL)
	if err == nil && where.RawQuery != "" {
		if _, report.Verifies = shaker.Handshake(where.Query()); report.Verifies {
			report.Verdict = "verifies: source " + name + " answers this handshake with its challenge"
			return report
		}
	}
	report.Verdict = "does not verify: the token in this handshake is not the one of source " + name + ", or the request is malformed"
	report.Advice = []string{"Enter the same token at the provider and in the settings of the source; an address with & in it must be quoted in a shell."}
	return report
}

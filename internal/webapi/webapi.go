// Package webapi calls the web APIs of providers with an operator's credentials, and takes care that these go nowhere
// else: not over plain HTTP, not where a redirect points, not into an error.
package webapi

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
)

const (
	// timeout is for a whole call: connecting, asking and reading the answer.
	timeout = 30 * time.Second
	// MaxAnswer is the largest answer in bytes, if a client does not say otherwise.
	MaxAnswer = 1 << 20
	// shortest is the length of a secret, in bytes, that is looked for in what an API says: shorter ones are found in
	// words, and what is missing there would tell them.
	shortest = 8
	// mostSaid bounds what an API may say in an error, in runes.
	mostSaid = 300
)

// A Client calls one API. It is made by [New].
type Client struct {
	base      *url.URL
	http      *http.Client
	maxAnswer int64
	secrets   []string
}

// New makes a client for the API at a base URL: https, or http on this machine, where tests and tunnels are. No text that
// [Client.Say] returns has one of the secrets in it, if they are not very short. MaxAnswer is in bytes, 0 for the usual.
func New(base string, maxAnswer int64, secrets ...string) (*Client, error) {
	u, err := url.Parse(base)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("want the URL of an API, such as https://api.example.com")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("want the URL of an API without user, query and fragment")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return nil, errors.New("want https: credentials are not sent in the clear")
	}
	return &Client{
		base: u,
		http: &http.Client{
			Timeout:       timeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		maxAnswer: cmp.Or(maxAnswer, MaxAnswer),
		secrets:   secrets,
	}, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// A Request is a call. What is secret is in its header or its body, never in its path or its query, which servers log.
type Request struct {
	Method string
	Path   string // below the base
	Query  url.Values
	Header http.Header
	Body   []byte
}

// An Answer is what came back, whatever its status but a redirect.
type Answer struct {
	Status int
	Body   []byte
}

// Call sends a request and reads the answer. Its error names the host, and no more of the URL.
func (c *Client) Call(ctx context.Context, r Request) (Answer, error) {
	u := c.base.JoinPath(r.Path)
	u.RawQuery = r.Query.Encode()
	req, err := http.NewRequestWithContext(ctx, r.Method, u.String(), bytes.NewReader(r.Body))
	if err != nil {
		return Answer{}, errors.New("make request: malformed") // what of it may be in the text of the error
	}
	req.Header = r.Header.Clone()
	resp, err := c.http.Do(req)
	if err != nil {
		if op, ok := errors.AsType[*url.Error](err); ok {
			err = op.Err // without the URL
		}
		return Answer{}, fmt.Errorf("call %s: %w", c.base.Host, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		return Answer{}, fmt.Errorf("call %s: it answers with a redirect (status %d), and credentials do not follow one", c.base.Host, resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, c.maxAnswer+1))
	switch {
	case err != nil:
		return Answer{}, fmt.Errorf("read what %s answers: %w", c.base.Host, err)
	case int64(len(body)) > c.maxAnswer:
		return Answer{}, fmt.Errorf("read what %s answers: more than %d bytes", c.base.Host, c.maxAnswer)
	}
	return Answer{resp.StatusCode, body}, nil
}

// Say makes a text of an API fit to be shown: one line of bounded length, without the secrets. APIs do repeat them: a
// token that is refused is often quoted.
func (c *Client) Say(text string) string {
	for _, secret := range c.secrets {
		if len(secret) >= shortest {
			text = strings.ReplaceAll(text, secret, "[secret]")
		}
	}
	return Line(text)
}

// Line makes a stranger's text fit to be shown: one line of bounded length, of what can be printed.
func Line(text string) string {
	said := []rune(strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " "))
	if len(said) > mostSaid {
		return string(said[:mostSaid]) + "…"
	}
	return string(said)
}

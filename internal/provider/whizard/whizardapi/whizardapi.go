// Package whizardapi reads and sets where Whizard sends its webhooks (Whizard: Webhooks, Set and Get Webhook URL).
package whizardapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"holdfast/internal/signature"
	"holdfast/internal/webapi"
)

// A Webhook is where Whizard sends the webhooks of a number, and with which headers.
type Webhook struct {
	URL     string
	Headers map[string]signature.Secret // by name as configured
}

// A Client speaks for one number: each key belongs to one. It is made by [New].
type Client struct {
	api *webapi.Client
	key signature.Secret
}

// New makes a client for the API at a base URL, which Whizard's pages do not tell.
func New(base string, key signature.Secret) (*Client, error) {
	if key == "" {
		return nil, errors.New("the key is empty")
	}
	api, err := webapi.New(base, 0, string(key))
	if err != nil {
		return nil, err
	}
	return &Client{api, key}, nil
}

// Get reads what is set. Nothing is set if the URL is empty.
func (c *Client) Get(ctx context.Context) (Webhook, error) {
	w, err := c.call(ctx, http.MethodGet, nil)
	if err != nil {
		return Webhook{}, fmt.Errorf("read the webhook: %w", err)
	}
	return w, nil
}

// Set replaces what is set. The answer is not believed: ask for it with Get.
func (c *Client) Set(ctx context.Context, w Webhook) error {
	body := configuration{URL: w.URL, Headers: make(map[string]string, len(w.Headers))}
	for name, value := range w.Headers {
		body.Headers[name] = string(value)
	}
	text, err := json.Marshal(body)
	if err != nil {
		return errors.New("set the webhook: its URL or headers cannot be written")
	}
	if _, err := c.call(ctx, http.MethodPost, text); err != nil {
		return fmt.Errorf("set the webhook: %w", err)
	}
	return nil
}

// CheckURL says why Whizard would not take a URL: it sends to HTTPS on port 443 only.
func CheckURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "":
		return errors.New("want the URL of an endpoint")
	case u.Scheme != "https":
		return errors.New("Whizard sends to https only")
	case u.Port() != "" && u.Port() != "443":
		return errors.New("Whizard sends to port 443 only")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return errors.New("want a URL without user, query and fragment")
	}
	if ip := net.ParseIP(u.Hostname()); u.Hostname() == "localhost" || ip != nil && (ip.IsLoopback() || ip.IsPrivate()) {
		return errors.New("Whizard cannot reach this host")
	}
	return nil
}

// configuration is a Webhook as the API writes it.
type configuration struct {
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
	Meta    *struct {
		Success  *bool    `json:"success"`
		HTTPCode int      `json:"http_code"`
		Message  string   `json:"developer_message"`
		Details  []string `json:"details"`
	} `json:"meta,omitempty"`
}

func (c *Client) call(ctx context.Context, method string, body []byte) (Webhook, error) {
	h := http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}}
	h["WHIZARD-KEY"] = []string{string(c.key)} // as their page writes it: a header's case should not matter
	got, err := c.api.Call(ctx, webapi.Request{Method: method, Path: "/v1/configs/webhook", Header: h, Body: body})
	if err != nil {
		return Webhook{}, err
	}
	var answer configuration
	err = json.Unmarshal(got.Body, &answer)
	switch m := answer.Meta; {
	case err == nil && m != nil && (m.Success == nil || !*m.Success || got.Status != http.StatusOK):
		return Webhook{}, fmt.Errorf("status %d%s", got.Status, c.said(append([]string{m.Message}, m.Details...)))
	case got.Status != http.StatusOK:
		return Webhook{}, fmt.Errorf("status %d", got.Status)
	case err != nil:
		return Webhook{}, errors.New("the answer is not what Whizard documents") // the error could quote a header
	}
	w := Webhook{URL: answer.URL, Headers: make(map[string]signature.Secret, len(answer.Headers))}
	for name, value := range answer.Headers {
		w.Headers[name] = signature.Secret(value)
	}
	return w, nil
}

// said joins what the API says of an error. Its status and its http_code may differ: their page mixes them up.
func (c *Client) said(texts []string) string {
	var all []string
	for _, text := range texts {
		if text = c.api.Say(text); text != "" {
			all = append(all, text)
		}
	}
	if len(all) == 0 {
		return ""
	}
	return ": " + strings.Join(all, "; ")
}

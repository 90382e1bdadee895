// Package nxcloud fetches from nxtele's API (NXCloud) the callbacks that it has stored.
package nxcloud

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"holdfast/internal/webapi"
)

// API is the base URL that the provider documents.
const API = "https://api2.nxcloud.com"

const (
	// action is what the page of the call wants as one: message, for everything about WhatsApp.
	action = "mt"
	// maxAnswer is in bytes. No page says how much comes at once, nor that there are several pages.
	maxAnswer = 64 << 20
	// window is how far back callbacks are kept.
	window = 7 * 24 * time.Hour
	// layout is that of the times of a query, without a zone.
	layout = "2006-01-02 15:04:05"
)

// Fields lists those whose callbacks are stored.
func Fields() []string {
	return []string{"account_update", "history", "smb_app_state_sync", "smb_message_echoes"}
}

// A Query asks for the callbacks of one field and one business number (NXCloud wiki: callback).
type Query struct {
	Phone string // digits
	Field string // one of Fields
	// Since and Until bound when the callbacks were stored, or when they happened: that is not documented.
	Since, Until time.Time
	// Zone is that of the times at the API, which is not documented either. If it is nil, the window is asked for as it is
	// in UTC where it begins and as it is in China where it ends: so it holds what was meant in both, and up to eight hours
	// more at either end. What comes twice is known to be the same.
	Zone *time.Location
}

// china is where the provider is at home.
var china = time.FixedZone("UTC+8", 8*60*60)

// times are the window as the API wants it. It is an error if some of it would be refused.
func (q Query) times(now time.Time) (start, end string, err error) {
	first, last, within := q.Zone, q.Zone, window
	if q.Zone == nil {
		first, last, within = time.UTC, china, window-8*time.Hour
	}
	switch {
	case q.Since.After(q.Until):
		return "", "", errors.New("the window ends before it begins")
	case now.Sub(q.Since) > within && q.Zone == nil:
		return "", "", fmt.Errorf("the window begins more than %.0f hours ago: callbacks are kept for 7 days by a clock whose zone is not known; name the zone, or ask for less", within.Hours())
	case now.Sub(q.Since) > within:
		return "", "", errors.New("the window begins more than 7 days ago, which is as long as callbacks are kept")
	}
	return q.Since.In(first).Format(layout), q.Until.In(last).Format(layout), nil
}

// A Client asks for one app. It is made by [New].
type Client struct {
	api  *webapi.Client
	app  string
	sign func(action string, body []byte, at time.Time) http.Header
	now  func() time.Time
}

// New makes a client for the API at a base URL and the app with this appkey. Sign makes the headers of a request; the API
// takes it only within a minute of its time.
func New(base, app string, sign func(action string, body []byte, at time.Time) http.Header) (*Client, error) {
	api, err := webapi.New(base, maxAnswer)
	if err != nil {
		return nil, err
	}
	return &Client{api, app, sign, time.Now}, nil
}

// Callbacks returns the bodies of stored callbacks as they were sent, in the API's order, which is not documented.
func (c *Client) Callbacks(ctx context.Context, q Query) ([][]byte, error) {
	bodies, err := c.callbacks(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("fetch callbacks: %w", err)
	}
	return bodies, nil
}

func (c *Client) callbacks(ctx context.Context, q Query) ([][]byte, error) {
	now := c.now()
	start, end, err := q.times(now)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(struct {
		App     string `json:"appkey"`
		Product string `json:"messaging_product"`
		Phone   string `json:"business_phone"`
		Field   string `json:"field"`
		Start   string `json:"start_ime"` // sic
		End     string `json:"end_time"`
	}{c.app, "whatsapp", q.Phone, q.Field, start, end})
	if err != nil {
		return nil, errors.New("the query cannot be written")
	}
	h := c.sign(action, body, now)
	h.Set("Content-Type", "application/json")
	got, err := c.api.Call(ctx, webapi.Request{Method: http.MethodPost, Path: "/api/wa/callback", Header: h, Body: body})
	if err != nil {
		return nil, err
	}
	var answer struct {
		Code    json.RawMessage   `json:"code"` // 0: all is well. Elsewhere 1003 is a bad signature, 1004 a wrong time, 1005 an unknown key
		Message string            `json:"message"`
		Msg     string            `json:"msg"` // so on other pages
		Data    []json.RawMessage `json:"data"`
	}
	err = json.Unmarshal(got.Body, &answer)
	code := strings.Trim(string(answer.Code), `"`)
	switch {
	case code != "" && code != "0":
		return nil, fmt.Errorf("code %s: %s", c.api.Say(code), c.api.Say(answer.Message+answer.Msg))
	case got.Status != http.StatusOK:
		return nil, fmt.Errorf("status %d", got.Status)
	case err != nil || code == "":
		return nil, errors.New("the answer is not what NXCloud documents")
	}
	bodies := make([][]byte, 0, len(answer.Data))
	for _, content := range answer.Data {
		var text string
		if err := json.Unmarshal(content, &text); err != nil { // not in a string, as it should be: then it is JSON itself
			bodies = append(bodies, bytes.TrimSpace(content))
			continue
		}
		bodies = append(bodies, []byte(text))
	}
	return bodies, nil
}

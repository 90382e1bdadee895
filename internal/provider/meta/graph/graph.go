// Package graph subscribes an app to webhooks with Meta's Graph API, and reads what it is subscribed to (Meta: Graph API,
// app subscriptions; WhatsApp Business Platform, Manage webhooks).
//
// An app is subscribed to fields, with one callback URL for all of them. That alone brings nothing: it is subscribed to
// each WhatsApp business account as well.
package graph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"holdfast/internal/signature"
	"holdfast/internal/webapi"
)

// API is the base URL of Graph, and Version the one that this package knows.
const (
	API     = "https://graph.facebook.com"
	Version = "v26.0"
)

// object is what webhooks of WhatsApp are about.
const object = "whatsapp_business_account"

// mostPages bounds how often a list is asked to go on.
const mostPages = 20

// Config says who asks.
type Config struct {
	Base    string           // of the API
	Version string           // such as v26.0: fields that are subscribed with a version have the shape of that version
	App     string           // id
	Secret  signature.Secret // of the app
	Token   signature.Secret // of a person or a system user of the same app, for accounts; may be empty
	// VerifyToken is what Meta shows to the callback URL; may be empty if the app is not to be subscribed.
	VerifyToken signature.Secret
}

// A Client asks for one app. It is made by [New].
type Client struct {
	Config
	api *webapi.Client
}

var (
	idForm      = regexp.MustCompile(`^[0-9]{1,32}$`)
	versionForm = regexp.MustCompile(`^v[0-9]{1,3}\.[0-9]{1,2}$`)
)

// New makes a client.
func New(c Config) (*Client, error) {
	switch {
	case !idForm.MatchString(c.App):
		return nil, errors.New("an app is named by digits")
	case !versionForm.MatchString(c.Version):
		return nil, errors.New("a version is like " + Version)
	case c.Secret == "":
		return nil, errors.New("the app's secret is empty")
	}
	api, err := webapi.New(c.Base, 0, string(c.Token), string(c.Secret), string(c.VerifyToken))
	if err != nil {
		return nil, err
	}
	return &Client{c, api}, nil
}

// A Subscription is that of the app. The zero value is none.
type Subscription struct {
	Callback string
	Active   bool
	Fields   map[string]string // the version that each was subscribed with
}

// Subscription reads that of the app.
func (c *Client) Subscription(ctx context.Context) (Subscription, error) {
	var found Subscription
	err := c.list(ctx, c.App+"/subscriptions", c.appToken(), func(element []byte) error {
		var s struct {
			Object   string `json:"object"`
			Callback string `json:"callback_url"`
			Active   bool   `json:"active"`
			Fields   []struct {
				Name    string `json:"name"`
				Version string `json:"version"`
			} `json:"fields"`
		}
		if err := json.Unmarshal(element, &s); err != nil || s.Object != object {
			return err
		}
		found = Subscription{s.Callback, s.Active, make(map[string]string, len(s.Fields))}
		for _, f := range s.Fields {
			found.Fields[f.Name] = f.Version
		}
		return nil
	})
	if err != nil {
		return Subscription{}, fmt.Errorf("read the subscription of the app: %w", err)
	}
	return found, nil
}

// Subscribe replaces the subscription of the app. Meta asks the callback URL for the token before it answers. Whether
// fields that are not named are kept is not documented, so name all.
func (c *Client) Subscribe(ctx context.Context, callback string, fields []string) error {
	form := url.Values{
		"object": {object}, "callback_url": {callback}, "verify_token": {string(c.VerifyToken)}, "fields": {strings.Join(fields, ",")},
		"include_values": {"true"}, // or only what has changed would be named
	}
	if err := c.post(ctx, c.App+"/subscriptions", c.appToken(), form); err != nil {
		return fmt.Errorf("subscribe the app: %w", err)
	}
	return nil
}

// An App is one that is subscribed to an account.
type App struct {
	ID   string
	Name string
	// Callback is where messages of the account are sent instead of to the app's URL; empty if nowhere else.
	Callback string
}

// SubscribedApps reads which apps are subscribed to an account.
func (c *Client) SubscribedApps(ctx context.Context, account string) ([]App, error) {
	var apps []App
	err := c.list(ctx, account+"/subscribed_apps", c.Token, func(element []byte) error {
		var s struct {
			App struct {
				ID   string `json:"id"`
				Name string `json:"name"`
			} `json:"whatsapp_business_api_data"`
			Callback string `json:"override_callback_uri"`
		}
		err := json.Unmarshal(element, &s)
		apps = append(apps, App{s.App.ID, s.App.Name, s.Callback})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the apps of account %s: %w", account, err)
	}
	return apps, nil
}

// SubscribeAccount subscribes the app of the token to an account. It may take away where else messages are sent, so it is
// for accounts that are not subscribed.
func (c *Client) SubscribeAccount(ctx context.Context, account string) error {
	if err := c.post(ctx, account+"/subscribed_apps", c.Token, url.Values{}); err != nil {
		return fmt.Errorf("subscribe the app to account %s: %w", account, err)
	}
	return nil
}

// ValidID reports whether a text can be the id of an app or an account.
func ValidID(text string) bool { return idForm.MatchString(text) }

// appToken is the app's own access token (Meta: Access tokens, App access tokens).
func (c *Client) appToken() signature.Secret {
	return signature.Secret(c.App + "|" + string(c.Secret))
}

// An Error is what Graph says of one (Meta: Graph API, Handle errors).
type Error struct {
	Status  int    // of HTTP
	Message string // fit to be shown
	Type    string
	Code    int
	Subcode int
	Trace   string // for Meta's support
}

func (e *Error) Error() string {
	text := fmt.Sprintf("%s (status %d, %s, code %d", e.Message, e.Status, e.Type, e.Code)
	if e.Subcode != 0 {
		text += fmt.Sprintf(", subcode %d", e.Subcode)
	}
	if e.Trace != "" {
		text += ", fbtrace_id " + e.Trace
	}
	text += ")"
	if hint := e.hint(); hint != "" {
		text += ": " + hint
	}
	return text
}

// hint says what to do about it, where that is not the message.
func (e *Error) hint() string {
	switch e.Code {
	case 190:
		return "the token or the app's secret is wrong, or has expired"
	case 10, 200:
		return "the token needs the permission whatsapp_business_management"
	case 2200:
		return "Meta asked the callback URL and was not answered: the ingress must run there, with the verify token of the source"
	case 4, 17, 80008:
		return "too many calls: try again later"
	}
	return ""
}

// proof is what Graph calls appsecret_proof (Meta: Graph API, Secure Graph API calls).
func (c *Client) proof(token signature.Secret) string {
	return strings.TrimPrefix(signature.HMAC(c.Secret, []byte(token)), "sha256=")
}

func (c *Client) post(ctx context.Context, path string, token signature.Secret, form url.Values) error {
	body, err := c.call(ctx, http.MethodPost, path, token, url.Values{}, form)
	if err != nil {
		return err
	}
	var answer struct {
		Success any `json:"success"` // true, or "true" on one of Meta's pages
	}
	if err := json.Unmarshal(body, &answer); err != nil || fmt.Sprint(answer.Success) != "true" {
		return errors.New("Graph does not say that it was done")
	}
	return nil
}

// list calls each with every element of a list, over its pages. The addresses of further pages hold the token, so they
// are not used, but the cursors are.
func (c *Client) list(ctx context.Context, path string, token signature.Secret, each func(element []byte) error) error {
	query := url.Values{}
	for range mostPages {
		body, err := c.call(ctx, http.MethodGet, path, token, query, url.Values{})
		if err != nil {
			return err
		}
		var page struct {
			Data   []json.RawMessage `json:"data"`
			Paging struct {
				Cursors struct {
					After string `json:"after"`
				} `json:"cursors"`
				Next string `json:"next"`
			} `json:"paging"`
		}
		if err := json.Unmarshal(body, &page); err != nil || page.Data == nil {
			return errors.New("the answer is not what Graph documents")
		}
		for _, element := range page.Data {
			if err := each(element); err != nil {
				return errors.New("the answer is not what Graph documents")
			}
		}
		if page.Paging.Next == "" || page.Paging.Cursors.After == "" {
			return nil
		}
		query.Set("after", page.Paging.Cursors.After)
	}
	return errors.New("the list has no end")
}

// call sends the token in a header: Graph takes it in the query as well, which servers and proxies log. The proof that the
// app's secret is known is wanted by apps that require it, and is good for nothing without the token.
func (c *Client) call(ctx context.Context, method, path string, token signature.Secret, query, form url.Values) ([]byte, error) {
	h := http.Header{"Authorization": {"Bearer " + string(token)}, "Accept": {"application/json"}}
	query, form = maps.Clone(query), maps.Clone(form)
	var body []byte
	if method == http.MethodPost {
		h.Set("Content-Type", "application/x-www-form-urlencoded")
		form.Set("appsecret_proof", c.proof(token))
		body = []byte(form.Encode())
	} else {
		query.Set("appsecret_proof", c.proof(token))
	}
	got, err := c.api.Call(ctx, webapi.Request{Method: method, Path: "/" + c.Version + "/" + path, Query: query, Header: h, Body: body})
	if err != nil {
		return nil, err
	}
	var failed struct {
		Error *struct {
			Message string `json:"message"`
			Title   string `json:"error_user_title"`
			User    string `json:"error_user_msg"`
			Type    string `json:"type"`
			Code    int    `json:"code"`
			Subcode int    `json:"error_subcode"`
			Trace   string `json:"fbtrace_id"`
		} `json:"error"`
	}
	_ = json.Unmarshal(got.Body, &failed) // not an error of Graph's, then
	if e := failed.Error; e != nil {
		message := e.Message
		if e.User != "" {
			message += " (" + e.User + ")"
		}
		return nil, &Error{
			Status: got.Status, Message: c.api.Say(message), Type: c.api.Say(e.Type), Code: e.Code, Subcode: e.Subcode, Trace: c.api.Say(e.Trace),
		}
	}
	if got.Status != http.StatusOK {
		return nil, fmt.Errorf("status %d", got.Status)
	}
	return got.Body, nil
}

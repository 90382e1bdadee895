package apitest

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Graph is the part of Meta's Graph API by which an app subscribes to webhooks of WhatsApp.
type Graph struct {
	*httptest.Server
	App, Secret, Token string   // the app, and a token of it that manages the accounts
	Accounts           []string // that the token may manage
	Fields             []string // that can be subscribed; others are refused
	// Reach is where a callback URL is asked on this machine; nil if nobody answers anywhere.
	Reach func(callback *url.URL) string
	// What a subscriber must not take for granted.
	Forgets  string // a field that is accepted and not subscribed
	Inactive bool   // subscriptions are not
	TokenApp string // whose token it is; empty: the app's

	mu       sync.Mutex
	callback string
	fields   []string
	apps     map[string][]string // by account
	override string              // of the app, in every account
}

// NewGraph starts one that ends with the test. Another app is subscribed to its accounts already.
func NewGraph(t testing.TB, app, secret, token string, accounts, fields []string) *Graph {
	g := &Graph{App: app, Secret: secret, Token: token, Accounts: accounts, Fields: fields, apps: map[string][]string{}}
	for _, account := range accounts {
		g.apps[account] = []string{"999"}
	}
	g.Server = httptest.NewServer(g)
	t.Cleanup(g.Close)
	return g
}

// Override sends the messages of all accounts elsewhere.
func (g *Graph) Override(callback string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.override = callback
}

func (g *Graph) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, path, ok := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	node, edge, _ := strings.Cut(path, "/")
	if !ok || !strings.HasPrefix(r.URL.Path, "/v") || r.Method == http.MethodPost && r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		graphError(w, 2500, 0, "Unknown path components: /"+path)
		return
	}
	if err := r.ParseForm(); err != nil {
		graphError(w, 100, 0, "Invalid parameter")
		return
	}
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	proof := hmac.New(sha256.New, []byte(g.Secret))
	_, _ = io.WriteString(proof, token) // a hash takes everything
	if token == g.Token && r.Form.Get("appsecret_proof") != hex.EncodeToString(proof.Sum(nil)) {
		graphError(w, 100, 0, "API calls from the server require an appsecret_proof argument")
		return
	}
	switch {
	case r.Form.Has("access_token"):
		graphError(w, 100, 0, "a token in the URL or the body, where this test does not want one")
	case token == "":
		graphError(w, 2500, 0, "An active access token must be used to query information about the current user.")
	case edge == "subscriptions":
		g.subscriptions(w, r, node, token)
	case edge == "subscribed_apps":
		g.subscribedApps(w, r, node, token)
	default:
		graphError(w, 2500, 0, "Unknown path components: /"+path)
	}
}

func (g *Graph) subscriptions(w http.ResponseWriter, r *http.Request, app, token string) {
	switch {
	case token != g.App+"|"+g.Secret:
		graphError(w, 190, 0, "Malformed access token "+token)
	case app != g.App:
		graphError(w, 100, 33, "Unsupported request. Object with ID '"+app+"' does not exist")
	case r.Method == http.MethodGet:
		data := []any{map[string]any{"object": "page", "callback_url": "https://example.com/page", "active": true, "fields": []any{map[string]any{"name": "messages", "version": "v26.0"}}}}
		if g.callback != "" {
			var fields []any
			for _, f := range g.fields {
				if f != g.Forgets {
					fields = append(fields, map[string]any{"name": f, "version": "v26.0"})
				}
			}
			data = append(data, map[string]any{"object": "whatsapp_business_account", "callback_url": g.callback, "active": !g.Inactive, "fields": fields})
		}
		writeJSON(w, http.StatusOK, map[string]any{"data": data})
	case r.Method == http.MethodPost:
		g.subscribe(r.Context(), w, r.PostForm)
	default:
		graphError(w, 100, 0, "Unsupported request")
	}
}

func (g *Graph) subscribe(ctx context.Context, w http.ResponseWriter, form url.Values) {
	fields := strings.Split(form.Get("fields"), ",")
	callback, err := url.Parse(form.Get("callback_url"))
	unknown := slices.IndexFunc(fields, func(f string) bool { return !slices.Contains(g.Fields, f) })
	switch {
	case form.Get("object") != "whatsapp_business_account" || err != nil || callback.Scheme != "https" || form.Get("verify_token") == "":
		graphError(w, 100, 0, "(#100) Invalid parameter")
	case unknown >= 0:
		graphError(w, 100, 0, "(#100) Param fields has an invalid field: "+fields[unknown])
	case !g.answers(ctx, callback, form.Get("verify_token")):
		graphError(w, 2200, 0, "(#2200) Callback verification failed with the following errors: curl_errno = 60")
	default:
		g.callback, g.fields = callback.String(), fields
		writeJSON(w, http.StatusOK, map[string]any{"success": true})
	}
}

// answers makes Meta's verification request.
func (g *Graph) answers(ctx context.Context, callback *url.URL, token string) bool {
	if g.Reach == nil {
		return false
	}
	query := url.Values{"hub.mode": {"subscribe"}, "hub.challenge": {"1158201444"}, "hub.verify_token": {token}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, g.Reach(callback)+"?"+query.Encode(), http.NoBody)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1000))
	return err == nil && resp.StatusCode == http.StatusOK && string(body) == "1158201444"
}

var digits = regexp.MustCompile(`^[0-9]+$`)

func (g *Graph) subscribedApps(w http.ResponseWriter, r *http.Request, account, token string) {
	switch {
	case token != g.Token:
		graphError(w, 190, 463, "Error validating access token "+token+": Session has expired")
	case !digits.MatchString(account) || !slices.Contains(g.Accounts, account):
		graphError(w, 100, 33, "Unsupported request. Object with ID '"+account+"' does not exist, cannot be loaded due to missing permissions")
	case r.Method == http.MethodPost:
		if app := cmp.Or(g.TokenApp, g.App); !slices.Contains(g.apps[account], app) {
			g.apps[account] = append(g.apps[account], app)
		}
		g.override = ""
		writeJSON(w, http.StatusOK, map[string]any{"success": true})
	default: // one on each page
		page := 0
		if r.Form.Get("after") != "" {
			page = slices.Index(g.apps[account], r.Form.Get("after")) + 1
		}
		answer := map[string]any{"data": []any{}}
		if page < len(g.apps[account]) {
			id := g.apps[account][page]
			app := map[string]any{"whatsapp_business_api_data": map[string]any{"id": id, "name": "App " + id, "link": "https://www.facebook.com/games/?app_id=" + id}}
			if id == g.App && g.override != "" {
				app["override_callback_uri"] = g.override
			}
			answer["data"] = []any{app}
			answer["paging"] = map[string]any{
				"cursors": map[string]any{"after": id}, "next": "https://graph.facebook.com/next?access_token=" + token,
			}
		}
		writeJSON(w, http.StatusOK, answer)
	}
}

// graphError answers with an error in Graph's shape.
func graphError(w http.ResponseWriter, code, subcode int, message string) {
	e := map[string]any{"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "EXAMPLETRACE"}
	if subcode != 0 {
		e["error_subcode"] = subcode
	}
	writeJSON(w, http.StatusBadRequest, map[string]any{"error": e})
}

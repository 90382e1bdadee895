package apitest

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// NXCloud is the API with stored callbacks (NXCloud wiki: callback; API Interface Invocation Convention). It keeps China's
// time, which nobody has documented.
type NXCloud struct {
	*httptest.Server
	AccessKey, Secret, AppKey string

	mu     sync.Mutex
	stored []stored
}

type stored struct {
	phone, field string
	at           time.Time
	content      string
}

// NewNXCloud starts one that ends with the test.
func NewNXCloud(t testing.TB, accessKey, secret, appKey string) *NXCloud {
	n := &NXCloud{AccessKey: accessKey, Secret: secret, AppKey: appKey}
	n.Server = httptest.NewServer(n)
	t.Cleanup(n.Close)
	return n
}

// Store keeps a callback.
func (n *NXCloud) Store(phone, field string, at time.Time, content string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.stored = append(n.stored, stored{phone, field, at, content})
}

func (n *NXCloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/api/wa/callback" || r.Method != http.MethodPost {
		http.NotFound(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	if code, message := n.refuse(r, body); code != 0 {
		writeJSON(w, http.StatusOK, map[string]any{"code": code, "message": message})
		return
	}
	var q struct {
		AppKey  string `json:"appkey"`
		Product string `json:"messaging_product"`
		Phone   string `json:"business_phone"`
		Field   string `json:"field"`
		Start   string `json:"start_ime"`
		End     string `json:"end_time"`
	}
	if err := json.Unmarshal(body, &q); err != nil || q.Product != "whatsapp" || q.Phone == "" {
		writeJSON(w, http.StatusOK, map[string]any{"code": 1002, "message": "Parameter error"})
		return
	}
	if q.AppKey != n.AppKey {
		writeJSON(w, http.StatusOK, map[string]any{"code": 1005, "message": "Insufficient permissions"})
		return
	}
	zone := time.FixedZone("", 8*60*60)
	start, err1 := time.ParseInLocation(time.DateTime, q.Start, zone)
	end, err2 := time.ParseInLocation(time.DateTime, q.End, zone)
	if err1 != nil || err2 != nil || start.After(end) || time.Since(start) > 7*24*time.Hour+time.Minute {
		writeJSON(w, http.StatusOK, map[string]any{"code": 1002, "message": "Parameter error: time"})
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	data := []string{}
	for _, s := range n.stored {
		if s.phone == q.Phone && s.field == q.Field && !s.at.Before(start) && !s.at.After(end) {
			data = append(data, s.content)
		}
	}
	writeJSON(w, http.StatusOK, map[string]any{"code": 0, "message": "请求成功", "data": data})
}

// refuse says what is wrong with a request's headers, as their pages do.
func (n *NXCloud) refuse(r *http.Request, body []byte) (code int, message string) {
	var signed strings.Builder
	for _, name := range []string{"accessKey", "action", "bizType", "ts"} {
		value := r.Header.Get(name)
		if value == "" {
			return 1001, "Missing public parameters"
		}
		signed.WriteString(name + "=" + value + "&")
	}
	signed.WriteString("body=" + string(body) + "&accessSecret=" + n.Secret)
	text := []byte(signed.String())
	weak, strong := md5.Sum(text), sha256.Sum256(text)
	sign := hex.EncodeToString(weak[:])
	if strings.EqualFold(r.Header.Get("algorithm"), "sha256") {
		sign = hex.EncodeToString(strong[:])
	}
	ms, err := strconv.ParseInt(r.Header.Get("ts"), 10, 64)
	switch {
	case r.Header.Get("Content-Type") != "application/json", r.Header.Get("bizType") != "2", r.Header.Get("action") != "mt":
		return 1002, "Parameter error"
	case r.Header.Get("accessKey") != n.AccessKey:
		return 1005, "Insufficient permissions"
	case err != nil || time.Since(time.UnixMilli(ms)).Abs() > time.Minute:
		return 1004, "Timestamp expired"
	case r.Header.Get("sign") != sign:
		return 1003, "Invalid signature"
	}
	return 0, ""
}

package ingress

import (
	"encoding/json"
	"net/http"
)

// OperatorHandler serves what only operators may see, to be mounted where the metrics are: /refused, a list of
// [Refused], the latest first; /readyz, a [Readiness] with the status it has for the world; and /healthz.
func (in *Ingress) OperatorHandler() http.Handler {
	r := newRouter(func(w http.ResponseWriter, _ *http.Request) {
		code, words := unknownPath.status()
		in.reply(w, code, plainText, words)
	})
	r.HandleFunc("/refused", in.reading(func(w http.ResponseWriter, _ *http.Request) {
		in.replyJSON(w, http.StatusOK, in.refused.list())
	}))
	r.HandleFunc("/readyz", in.reading(func(w http.ResponseWriter, r *http.Request) {
		state := in.ready(r.Context())
		code := http.StatusOK
		if !state.Ready {
			code = http.StatusServiceUnavailable
		}
		in.replyJSON(w, code, state)
	}))
	r.HandleFunc("/healthz", in.reading(in.healthz))
	return r
}

// healthz answers whoever wants to know that the process is alive, and nothing else: to restart it because something
// that it depends on is away would not help.
func (in *Ingress) healthz(w http.ResponseWriter, _ *http.Request) {
	in.reply(w, http.StatusOK, plainText, "ok\n")
}

// readyz answers load balancers. Why it is not ready is not for the world to know.
func (in *Ingress) readyz(w http.ResponseWriter, r *http.Request) {
	if in.ready(r.Context()).Ready {
		in.reply(w, http.StatusOK, plainText, "ready\n")
		return
	}
	in.reply(w, http.StatusServiceUnavailable, plainText, "not ready\n")
}

// reading lets only GET and HEAD through. These requests are probes and people, so nobody is told of refusals.
func (in *Ingress) reading(handle http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			if r.ContentLength != 0 {
				hangUp(w)
			}
			code, words := wrongMethod.status()
			in.reply(w, code, plainText, words)
			return
		}
		handle(w, r)
	}
}

func (in *Ingress) replyJSON(w http.ResponseWriter, code int, value any) {
	text, err := json.Marshal(value)
	if err != nil { // these types can always be marshalled
		panic(err)
	}
	in.reply(w, code, "application/json", string(text)+"\n")
}

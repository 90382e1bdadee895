package storage

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.temporal.io/sdk/converter"
)

// An object's key is
//
//	{namespace}/{workflow id}/{day}-{SHA-256 of the content}
//
// such as default/wh_2fmeta-main_2f0a1b…/20261121-9f86d0…: who looks into the storage sees whose it is.
//
// The day is that on which it was stored, in UTC. It makes pruning safe: what is stored again gets another key, so that
// whoever removes old objects never removes one that has become needed a moment ago. And the age of an object does not
// depend on a clock or a copy.
//
// Of a few payloads the SDK does not tell whose they are (details of heartbeats); they are kept under _/_.
type key struct{ namespace, workflow, day, hash string }

const (
	dayForm = "20060102"
	unknown = "_" // no namespace, or no workflow
	hashed  = "__"
	// longest is the size of a segment at most: a file's name takes 255 bytes, a key in S3 1024.
	longest = 200
)

func newKey(target converter.StorageDriverTargetInfo, now time.Time, data []byte) key {
	k := key{namespace: unknown, workflow: unknown, day: now.UTC().Format(dayForm)}
	switch t := target.(type) {
	case converter.StorageDriverWorkflowInfo:
		k.namespace, k.workflow = segment(t.Namespace), segment(t.WorkflowID)
	case converter.StorageDriverActivityInfo: // one without a workflow
		k.namespace = segment(t.Namespace)
	}
	sum := sha256.Sum256(data)
	k.hash = hex.EncodeToString(sum[:])
	return k
}

var keyForm = regexp.MustCompile(`^([a-z0-9_-]{1,200})/([a-z0-9_-]{1,200})/([0-9]{8})-([0-9a-f]{64})$`)

func parseKey(text string) (key, bool) {
	m := keyForm.FindStringSubmatch(text)
	if m == nil {
		return key{}, false
	}
	return key{m[1], m[2], m[3], m[4]}, true
}

func (k key) String() string { return k.folder() + k.day + "-" + k.hash }

func (k key) folder() string { return k.namespace + "/" + k.workflow + "/" }

// idKey is the key of an object that holds the workflow's id, where that is too long to be a name.
func (k key) idKey() string { return k.folder() + k.day + idSuffix }

const idSuffix = "-id"

// names reports whether the key is that of the content.
func (k key) names(data []byte) bool {
	sum := sha256.Sum256(data)
	return k.hash == hex.EncodeToString(sum[:])
}

// longID returns the id of a workflow whose key does not tell it.
func longID(target converter.StorageDriverTargetInfo) (id string, long bool) {
	w, ok := target.(converter.StorageDriverWorkflowInfo)
	return w.WorkflowID, ok && strings.HasPrefix(segment(w.WorkflowID), hashed)
}

// segment writes any text as a name for files and keys everywhere: lower-case letters, digits and hyphens stay, all else
// becomes _ and two hex digits. Capitals too, because some file systems do not tell them apart. What gets too long is
// hashed instead.
func segment(text string) string {
	if text == "" {
		return unknown
	}
	var b strings.Builder
	for i := range len(text) {
		switch c := text[i]; {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "_%02x", c)
		}
	}
	if b.Len() > longest {
		sum := sha256.Sum256([]byte(text))
		return hashed + hex.EncodeToString(sum[:])
	}
	return b.String()
}

// plain is the text that a segment was made of, if the segment tells.
func plain(segment string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(segment); i++ {
		if segment[i] != '_' {
			b.WriteByte(segment[i])
			continue
		}
		if i+2 >= len(segment) {
			return "", false
		}
		c, err := strconv.ParseUint(segment[i+1:i+3], 16, 8)
		if err != nil {
			return "", false
		}
		b.WriteByte(byte(c))
		i += 2
	}
	return b.String(), b.Len() > 0
}

// split takes a listed key apart: its folder and the time when its day ended. What is no key of ours is not ok.
func split(listed string) (namespace, workflow string, stored time.Time, ok bool) {
	parts := strings.Split(listed, "/")
	if len(parts) != 3 || len(parts[2]) < len(dayForm) {
		return "", "", time.Time{}, false
	}
	day, err := time.Parse(dayForm, parts[2][:len(dayForm)])
	return parts[0], parts[1], day.Add(24 * time.Hour), err == nil
}

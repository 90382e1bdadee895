package temporal

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"

	"holdfast/internal/webhook"
)

func TestCompressedFromASize(t *testing.T) {
	c, err := Converter()
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{0, 1, compressFrom - 100, compressFrom + 100, 1 << 20} {
		in := webhook.Webhook{ID: "1", Body: bytes.Repeat([]byte("a\xff"), size/2)}
		p, err := c.ToPayload(in)
		if err != nil {
			t.Fatal(err)
		}
		packed := string(p.GetMetadata()[converter.MetadataEncoding]) == encodingZstd
		if plain := len(in.Body) * 4 / 3; packed != (plain+100 > compressFrom) && packed != (plain > compressFrom) {
			t.Errorf("%d bytes: compressed %v", plain, packed)
		}
		var out webhook.Webhook
		if err := c.FromPayload(p, &out); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(in.Body, out.Body) {
			t.Errorf("body of %d bytes did not survive", len(in.Body))
		}
	}
}

// What stands in histories can be read for ever.
func TestReadsWhatWasWritten(t *testing.T) {
	codec, err := newZstdCodec()
	if err != nil {
		t.Fatal(err)
	}
	payload := &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: bytes.Repeat([]byte("x"), 4000)}
	packed, err := codec.Encode([]*commonpb.Payload{payload})
	if err != nil || len(packed[0].Data) > 200 || string(packed[0].Metadata["encoding"]) != "binary/zstd" {
		t.Fatalf("%v, %v", packed, err)
	}
	back, err := codec.Decode(packed)
	if err != nil || !bytes.Equal(back[0].Data, payload.Data) || string(back[0].Metadata["encoding"]) != "json/plain" {
		t.Errorf("came back as %v, %v", back, err)
	}
}

func TestRefusesBombsAndRubbish(t *testing.T) {
	codec, err := newZstdCodec()
	if err != nil {
		t.Fatal(err)
	}
	w, _ := zstd.NewWriter(nil)
	for name, data := range map[string][]byte{
		"bomb":    w.EncodeAll(make([]byte, maxDecoded+1), nil),
		"rubbish": []byte("not compressed"),
	} {
		p := &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte(encodingZstd)}, Data: data}
		if _, err := codec.Decode([]*commonpb.Payload{p}); err == nil {
			t.Errorf("%s was decoded", name)
		}
	}
}

func TestCodecHandlerServesOurOriginsOnly(t *testing.T) {
	h, err := CodecHandler([]string{"http://127.0.0.1:8233"})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(method, origin string) *http.Response {
		r := httptest.NewRequest(method, "/decode", strings.NewReader(`{"payloads":[]}`))
		r.Header.Set("Content-Type", "application/json")
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Result()
	}
	got := map[string]int{}
	for _, c := range [][2]string{{"POST", "http://127.0.0.1:8233"}, {"OPTIONS", "http://127.0.0.1:8233"}, {"POST", "http://evil.example"}, {"POST", ""}} {
		got[c[0]+" "+c[1]] = ask(c[0], c[1]).StatusCode
	}
	want := map[string]int{"POST http://127.0.0.1:8233": 200, "OPTIONS http://127.0.0.1:8233": 204, "POST http://evil.example": 403, "POST ": 200}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

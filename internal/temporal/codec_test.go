package temporal

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

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
	codec, err := newZstdCodec(maxDecoded)
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
	codec, err := newZstdCodec(maxDecoded)
	if err != nil {
		t.Fatal(err)
	}
	w, _ := zstd.NewWriter(nil)
	pack := func(size int) []byte {
		plain, err := proto.Marshal(&commonpb.Payload{Data: make([]byte, size)})
		if err != nil {
			t.Fatal(err)
		}
		return w.EncodeAll(plain, nil)
	}
	half, tiny := pack(maxDecoded/2), pack(4000)
	var unsized bytes.Buffer // a stream does not know its size when it begins
	stream, _ := zstd.NewWriter(&unsized)
	_, _ = stream.Write(make([]byte, 1<<20))
	_ = stream.Flush()
	_ = stream.Close()
	for name, packed := range map[string][][]byte{
		"a bomb":           {pack(maxDecoded)},
		"several":          {half, tiny, half},
		"one behind other": {slices.Concat(tiny, half)},
		"one without size": {unsized.Bytes()},
		"rubbish":          {[]byte("not compressed")},
		"nothing":          {nil},
	} {
		var payloads []*commonpb.Payload
		for _, data := range packed {
			payloads = append(payloads, &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte(encodingZstd)}, Data: data})
		}
		if _, err := codec.Decode(payloads); err == nil || strings.Contains(err.Error(), "unmarshal") {
			t.Errorf("%s was decoded: %v", name, err)
		}
	}
}

// A request is answered within one bound, however many payloads it has.
func TestCodecHandlerRefusesBombs(t *testing.T) {
	h, err := CodecHandler(nil, converter.ExternalStorage{})
	if err != nil {
		t.Fatal(err)
	}
	plain, err := proto.Marshal(&commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("binary/plain")}, Data: make([]byte, 6<<20)})
	if err != nil {
		t.Fatal(err)
	}
	w, _ := zstd.NewWriter(nil)
	bomb := &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte(encodingZstd)}, Data: w.EncodeAll(plain, nil)}
	ask := func(payloads int, padding string) (code, size int) {
		body, err := protojson.Marshal(&commonpb.Payloads{Payloads: slices.Repeat([]*commonpb.Payload{bomb}, payloads)})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("POST", "/decode", strings.NewReader(string(body)+padding))
		r.Header.Set("Content-Type", "application/json")
		reply := httptest.NewRecorder()
		h.ServeHTTP(reply, r)
		return reply.Code, reply.Body.Len()
	}
	if code, size := ask(5, ""); code != 200 || size < 5*6<<20 {
		t.Errorf("within the bound: %d, %d bytes", code, size)
	}
	if code, size := ask(8, ""); code == 200 || size > 1000 {
		t.Errorf("over the bound: %d, %d bytes", code, size)
	}
	if code, _ := ask(1, strings.Repeat(" ", maxRequest)); code == 200 {
		t.Error("a request over its bound is answered")
	}
}

func TestCodecHandlerServesOurOriginsOnly(t *testing.T) {
	h, err := CodecHandler([]string{"http://127.0.0.1:8233"}, converter.ExternalStorage{})
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

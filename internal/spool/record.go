package spool

import (
	"encoding/binary"
	"hash/crc32"
	"time"
)

// magic begins every segment. Its last byte is the version of the format.
const magic = "holdfast-spool 1"

// A record follows another without a gap. Its header, in little-endian order:
//
//	 0  uint32  length of the data behind the header
//	 4  int64   when it was appended, in nanoseconds since 1970
//	12  uint32  CRC-32C of the data
//	16  uint32  CRC-32C of the segment's salt, the offset of the record, and the sixteen bytes above
//
// The header has a checksum of its own so that its length can be believed: rotten data costs one record. Salt and offset
// are in it so that a record counts at its own place only. What is searched for behind a rotten header can then not be
// found in the body of somebody's webhook.
const headerSize = 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A header is what stands before the data of a record.
type header struct {
	length int
	at     time.Time
	sum    uint32
}

// appendRecord adds a record to a buffer. Offset is where in the segment it will be.
func appendRecord(buf []byte, salt uint64, offset int64, at time.Time, data []byte) []byte {
	n := len(buf)
	buf = binary.LittleEndian.AppendUint32(buf, uint32(len(data)))
	buf = binary.LittleEndian.AppendUint64(buf, uint64(at.UnixNano()))
	buf = binary.LittleEndian.AppendUint32(buf, crc32.Checksum(data, castagnoli))
	buf = binary.LittleEndian.AppendUint32(buf, headerSum(salt, offset, buf[n:]))
	return append(buf, data...)
}

func headerSum(salt uint64, offset int64, fields []byte) uint32 {
	var b [32]byte
	binary.LittleEndian.PutUint64(b[:], salt)
	binary.LittleEndian.PutUint64(b[8:], uint64(offset))
	copy(b[16:], fields[:16])
	return crc32.Checksum(b[:], castagnoli)
}

// readHeader reads the header with which b begins, and reports whether it is one.
func readHeader(b []byte, salt uint64, offset int64) (header, bool) {
	if len(b) < headerSize || binary.LittleEndian.Uint32(b[16:]) != headerSum(salt, offset, b) {
		return header{}, false
	}
	return header{
		length: int(binary.LittleEndian.Uint32(b)),
		at:     time.Unix(0, int64(binary.LittleEndian.Uint64(b[4:]))),
		sum:    binary.LittleEndian.Uint32(b[12:]),
	}, true
}

// readRecord reads the whole record with which b begins, and reports whether it is one.
func readRecord(b []byte, salt uint64, offset int64) (h header, data []byte, ok bool) {
	h, ok = readHeader(b, salt, offset)
	if !ok || h.length > len(b)-headerSize {
		return h, nil, false
	}
	data = b[headerSize : headerSize+h.length : headerSize+h.length]
	return h, data, crc32.Checksum(data, castagnoli) == h.sum
}

// A Range is a part of a file, from the first byte to the one behind the last.
type Range struct {
	File string `json:"file"`
	From int64  `json:"from"`
	To   int64  `json:"to"`
}

// A scan is what the bytes of a segment turned out to be.
type scan struct {
	size int64   // of the file
	torn int64   // where the tail begins of which the end was never written; the size if there is none
	bad  []Range // what is there and cannot be read
}

// scanSegment finds the records in the bytes of a segment, whatever they are, and tells each with its offset.
//
// Where a segment ends in the middle of a record, or in zeros, it was being written when the process or the machine ended:
// nobody was told that this record is durable. Everything else that cannot be read is damage. Records behind it are found
// by trying every offset.
func scanSegment(file string, b []byte, salt uint64, found func(offset int64, h header, data []byte)) scan {
	size := int64(len(b))
	out := scan{size: size, torn: size}
	pos := int64(min(len(magic), len(b)))
	begun := string(b[:pos]) == magic[:pos]
	if begun && pos < int64(len(magic)) || zeros(b) {
		out.torn = 0
		return out
	}
	if !begun {
		out.bad = append(out.bad, Range{file, 0, pos})
	}
	for pos < size {
		h, data, ok := readRecord(b[pos:], salt, pos)
		next := pos + headerSize + int64(h.length)
		switch {
		case ok:
			found(pos, h, data)
		case h != header{} && next <= size: // only the data are rotten
			out.bad = append(out.bad, Range{file, pos, next})
		case h != header{} || size-pos < headerSize || zeros(b[pos:]):
			out.torn = pos
			return out
		default:
			for next = pos + 1; next < size; next++ {
				if _, _, ok := readRecord(b[next:], salt, next); ok {
					break
				}
			}
			out.bad = append(out.bad, Range{file, pos, next})
		}
		pos = next
	}
	return out
}

func zeros(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

//go:build unix

package streams_test

import (
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/protobuf/proto"

	"agentproof/agent"
	"agentproof/internal/streamtap"
	"agentproof/internal/trial"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/cases/streams"
	"agentproof/suite/helper"
)

func TestMain(m *testing.M) {
	helper.Intercept()
	os.Exit(m.Run())
}

// soon is the scale of trials that show in nothing coming.
const soon = 0.2

func tapped(t *testing.T, name, id, says string, tap streamtap.Tap) trial.Mutant {
	return trial.Mutant{Name: name, Case: id, Says: says, Config: trial.Tapped(t, tap)}
}

func silent(t *testing.T, name, id, says string, tap streamtap.Tap) trial.Mutant {
	m := tapped(t, name, id, says, tap)
	m.Scale = soon
	return m
}

// query changes what the agent adds to its relay URL.
func query(edit func(own, added string) string) streamtap.Tap {
	return streamtap.Tap{Dial: func(uri string) string {
		i := strings.Index(uri, "ws=")
		return edit(uri[:i], uri[i:])
	}}
}

func TestCasesNoticeWrongDials(t *testing.T) {
	t.Parallel()
	swapped := query(func(own, added string) string {
		return own + strings.NewReplacer("ws=", "agent=", "agent=", "ws=").Replace(added)
	})
	reordered := query(func(own, added string) string {
		words := strings.Split(added, "&")
		slices.Sort(words)
		return own + strings.Join(words, "&")
	})
	trial.Noticed(t, streams.Cases(), []trial.Mutant{
		tapped(t, "swaps workspace and agent", "stream.dial.producer/routing-key", "STREAM", swapped),
		tapped(t, "sorts its query", "stream.dial.producer/routing-key", "another URL", reordered),
		tapped(t, "adds a slash to the URL", "stream.dial.producer/routing-key", "STREAM",
			query(func(own, added string) string { return strings.Replace(own, "?", "/?", 1) + added })),
		tapped(t, "drops the relay URL's own query", "stream.dial.producer/keeps-the-urls-own-query", "another URL",
			query(func(own, added string) string { return own[:strings.Index(own, "?")+1] + added })),
		tapped(t, "encodes the relay URL's own query again", "stream.dial.producer/keeps-the-urls-own-query", "another URL",
			query(func(own, added string) string {
				path, q, _ := strings.Cut(own, "?")
				values, _ := url.ParseQuery(q)
				values.Del("")
				return path + "?" + values.Encode() + "&" + added
			})),
		{Name: "dials the path that it knows", Case: "stream.dial.producer/keeps-the-urls-own-path", Says: "another URL",
			Config: func(cfg *agent.Config) {
				if u, err := url.Parse(cfg.RelayURL); err == nil {
					u.Path = "/stream"
					cfg.RelayURL = u.String()
				}
			}},
		tapped(t, "leaves the channel out", "stream.dial.producer-channel/in-the-query", "another, or none",
			query(func(own, added string) string { return own + added[:strings.Index(added, "&channel=")] })),
	})
}

// frames changes the seq of what the agent sends. open is called for each
// connection.
func frames(open func() func(seq uint64) uint64) streamtap.Tap {
	return streamtap.Tap{Open: func() streamtap.Edits {
		edit := open()
		return streamtap.Edits{ToRelay: trial.Messages(func(m proto.Message) []proto.Message {
			if f, ok := m.(*agentv1.StreamFrame); ok {
				f.Seq = edit(f.GetSeq())
			}
			return []proto.Message{m}
		})}
	}}
}

// input judges what comes for the agent: a frame of a viewer reaches it if keep
// says so of its seq, and a StreamClose if closes is set.
func input(keep func(seq uint64) bool, closes bool) streamtap.Tap {
	return streamtap.Tap{Open: func() streamtap.Edits {
		return streamtap.Edits{ToAgent: trial.Messages(func(m proto.Message) []proto.Message {
			switch m := m.(type) {
			case *agentv1.StreamFrame:
				if !keep(m.GetSeq()) {
					return nil
				}
			case *agentv1.StreamClose:
				if !closes {
					return nil
				}
			}
			return []proto.Message{m}
		})}
	}}
}

// opening changes the StreamOpen of every connection; sent is how many frames
// went out before.
func opening(edit func(open *agentv1.StreamOpen, sent uint64)) func() streamtap.Edits {
	var sent atomic.Uint64
	return func() streamtap.Edits {
		return streamtap.Edits{ToRelay: trial.Messages(func(m proto.Message) []proto.Message {
			switch m := m.(type) {
			case *agentv1.StreamOpen:
				edit(m, sent.Load())
			case *agentv1.StreamFrame:
				sent.Store(m.GetSeq() + 1)
			}
			return []proto.Message{m}
		})}
	}
}

// once lets every URL be dialled one time.
func once() func(uri string) string {
	var dialled sync.Map
	return func(uri string) string {
		if _, again := dialled.LoadOrStore(uri, true); again {
			return ""
		}
		return uri
	}
}

func TestCasesNoticeWrongFrames(t *testing.T) {
	t.Parallel()
	fixed := func(edit func(uint64) uint64) streamtap.Tap {
		return frames(func() func(uint64) uint64 { return edit })
	}
	var connections atomic.Int32
	var mu sync.Mutex
	next := uint64(0)
	judge := func(seq uint64) bool {
		mu.Lock()
		defer mu.Unlock()
		if seq != next {
			return false
		}
		next++
		return true
	}
	restarting := frames(func() func(uint64) uint64 {
		count := uint64(0)
		return func(uint64) uint64 { count++; return count - 1 }
	})
	restarting.Plain = true // or else it sends all frames again, from 0
	trial.Noticed(t, streams.Cases(), []trial.Mutant{
		tapped(t, "counts frames from 1", "stream.seq/from-nought-by-one", "a gap", fixed(func(seq uint64) uint64 { return seq + 1 })),
		tapped(t, "counts frames by two", "stream.seq/from-nought-by-one", "a gap", fixed(func(seq uint64) uint64 { return 2 * seq })),
		tapped(t, "leaves a number out", "stream.seq/from-nought-by-one", "a gap", fixed(func(seq uint64) uint64 { return seq + min(seq/3, 1) })),
		silent(t, "counts from 0 again after a reconnect", "stream.seq/goes-on-after-a-reconnect", "nothing more in time", restarting),
		silent(t, "waits for the input's next number", "stream.input.any-seq/every-viewer-starts-at-nought", "nothing more in time",
			input(judge, true)),
		silent(t, "takes the first input alone", "stream.input.any-seq/typed-bytes-arrive-whole", "nothing more in time",
			input(func(seq uint64) bool { return seq < 3 }, true)),
		tapped(t, "changes a byte of what is pasted", "stream.input.any-seq/typed-bytes-arrive-whole", "the digest",
			streamtap.Tap{Open: func() streamtap.Edits {
				return streamtap.Edits{ToAgent: trial.Messages(func(m proto.Message) []proto.Message {
					if f, ok := m.(*agentv1.StreamFrame); ok && f.GetSeq() == 1 {
						f.Data[0] ^= 1
					}
					return []proto.Message{m}
				})}
			}}),
		tapped(t, "resumes from what it sent itself", "stream.reconnect/resumes-from-the-next-input", "after 3 inputs",
			streamtap.Tap{Open: opening(func(open *agentv1.StreamOpen, sent uint64) { open.ResumeFromSeq = sent })}),
		silent(t, "does not come back", "stream.reconnect/comes-back-and-goes-on", "nothing more in time",
			streamtap.Tap{Dial: once()}),
		silent(t, "loses what it could not send", "stream.reconnect/keeps-what-was-not-sent", "nothing more in time",
			streamtap.Tap{Open: trial.Output(func() func([]byte) []byte {
				again := connections.Add(1) > 1
				return func(data []byte) []byte {
					if again {
						return nil
					}
					return data
				}
			})}),
		tapped(t, "goes on when the viewer closed", "stream.close-ends-terminal/child-is-gone", "some still there",
			input(func(uint64) bool { return true }, false)),
	})
}

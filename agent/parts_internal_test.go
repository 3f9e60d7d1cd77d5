package agent

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func TestEncodeRepairsStrings(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ in, want proto.Message }{
		"valid strings stay": {
			&agentv1.Hello{MachineName: "größe"},
			&agentv1.Hello{MachineName: "größe"},
		},
		"each bad byte is one replacement": {
			&agentv1.Hello{MachineName: "a\xff\xfe\xc3b"},
			&agentv1.Hello{MachineName: "a\uFFFD\uFFFD\uFFFDb"},
		},
		"in messages and lists": {
			&agentv1.ControlResponse{RequestId: "\xff", Result: &agentv1.ControlResponse_FsList{FsList: &agentv1.FsListResponse{
				Entries: []*agentv1.FsEntry{{Name: "ok"}, {Name: "\xff.txt", Path: "d/\xff.txt"}}}}},
			&agentv1.ControlResponse{RequestId: "\uFFFD", Result: &agentv1.ControlResponse_FsList{FsList: &agentv1.FsListResponse{
				Entries: []*agentv1.FsEntry{{Name: "ok"}, {Name: "\uFFFD.txt", Path: "d/\uFFFD.txt"}}}}},
		},
		"in lists of strings and maps": {
			&agentv1.ExecRequest{Command: []string{"\xff"}, Env: map[string]string{"k\xff": "v\xff", "a": "b"}},
			&agentv1.ExecRequest{Command: []string{"\uFFFD"}, Env: map[string]string{"k\uFFFD": "v\uFFFD", "a": "b"}},
		},
		"bytes stay as they are": {
			&agentv1.ControlResponse{RequestId: "\xff", Result: &agentv1.ControlResponse_Exec{Exec: &agentv1.ExecResponse{Stdout: []byte("\xff")}}},
			&agentv1.ControlResponse{RequestId: "\uFFFD", Result: &agentv1.ControlResponse_Exec{Exec: &agentv1.ExecResponse{Stdout: []byte("\xff")}}},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := proto.Clone(tc.in)
			data, err := encode([]byte("rest of an older reply")[:0], tc.in)
			if err != nil {
				t.Fatal(err)
			}
			got := tc.want.ProtoReflect().New().Interface()
			if err := proto.Unmarshal(data, got); err != nil || !proto.Equal(got, tc.want) {
				t.Errorf("encoded as %v, error %v; want %v", got, err, tc.want)
			}
			if !proto.Equal(before, tc.in) {
				t.Error("the message itself was changed")
			}
		})
	}
}

func TestInflight(t *testing.T) {
	t.Parallel()
	f := newInflight(2)
	if err := f.wait(t.Context()); err != nil {
		t.Errorf("wait while idle: %v", err)
	}
	for i, want := range []bool{true, true, false} {
		if f.enter() != want {
			t.Errorf("enter number %d: %v, want %v", i+1, !want, want)
		}
	}
	waited := make(chan error)
	for range 2 {
		go func() { waited <- f.wait(t.Context()) }()
	}
	f.leave()
	if !f.enter() {
		t.Error("nobody may run in the place of one that left")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := f.wait(ctx); err == nil {
		t.Error("wait returned while two run")
	}
	f.leave()
	f.leave()
	for range 2 {
		if err := <-waited; err != nil {
			t.Errorf("wait: %v", err)
		}
	}
}

func TestOrdered(t *testing.T) {
	t.Parallel()
	var o ordered
	blocked, other := make(chan struct{}), make(chan struct{})
	o.do("stuck", func() { <-blocked })
	o.do("other", func() { close(other) })
	<-other // no key waits for another

	var got []string // one goroutine at a time, so without a lock
	var wg sync.WaitGroup
	var want []string
	for i := range 1000 {
		want = append(want, strconv.Itoa(i))
		wg.Add(1)
		o.do("stuck", func() {
			defer wg.Done()
			got = append(got, strconv.Itoa(i))
		})
	}
	close(blocked)
	wg.Wait()
	if !slices.Equal(got, want) {
		t.Errorf("ran in the order %v", got)
	}
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	var b backoff
	begin := time.Now()
	if err := b.wait(t.Context()); err != nil || time.Since(begin) > time.Second {
		t.Errorf("the first attempt waits: %v", err)
	}
	for range 10 {
		b.failed()
		if b.pause < minPause || b.pause > maxPause {
			t.Errorf("pause %v", b.pause)
		}
	}
	if b.pause != maxPause {
		t.Errorf("pause %v after ten failures, want %v", b.pause, maxPause)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.wait(ctx); err == nil {
		t.Error("wait does not heed its context")
	}
	if b.lasted(time.Second); b.pause != maxPause {
		t.Errorf("pause %v after a short connection", b.pause)
	}
	if b.lasted(time.Minute); b.pause != minPause {
		t.Errorf("pause %v after a long connection", b.pause)
	}
}

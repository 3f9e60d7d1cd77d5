package fs

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/helper"
	"agentproof/suite/wire"
)

func vanishingCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "fs.list.vanishing-child/file",
			Clause:  "fs.list.vanishing-child",
			Needs:   needs,
			Explain: "Builds make and remove files all the time; looking at their directory meanwhile must not fail.",
			Run:     filesVanish,
		},
		{
			ID:      "fs.list.vanishing-child/directory",
			Clause:  "fs.list.vanishing-child",
			Needs:   engine.Filesystem,
			Explain: "A directory that goes between being named and being entered is no reason to lose the rest of the tree.",
			Run:     directoriesVanish,
		},
	}
}

// churnFor is long enough for some hundred lists, nearly each of which meets a
// file that has gone.
const churnFor = time.Second

func filesVanish(ctx context.Context, t *engine.T) {
	const stay = 200
	t.Arrange(ctx, "fill", "--size", "0", ".", strconv.Itoa(stay))
	churn := t.StartHelper(ctx, "churn", ".", churnFor.String())
	lists := 0
	for start := time.Now(); time.Since(start) < churnFor; lists++ {
		wantStay(t, t.Call(ctx, &agentv1.FsListRequest{Path: t.Dir(ctx), Recursive: lists%2 == 1}), "file-", stay)
	}
	t.Logf("%d lists while %d files came and went", lists, engine.Decode[helper.Churn](t, churn(ctx)).Created)
}

// wantStay checks that a list succeeded and holds everything that did not go.
// What went, and when, is left to chance, so failures do not tell it.
func wantStay(t *engine.T, resp *agentv1.ControlResponse, prefix string, count int) {
	if e := resp.GetError(); e != nil {
		t.Logf("%s", e.GetMessage())
		t.Fatalf("a list while things come and go", "%s", outcome(resp))
	}
	got := 0
	for _, e := range resp.GetFsList().GetEntries() {
		if strings.HasPrefix(e.GetName(), prefix) {
			got++
		}
	}
	if got != count {
		t.Fatalf("all entries of what stays", "fewer or more")
	}
}

func directoriesVanish(ctx context.Context, t *engine.T) {
	const rounds, stay = 15, 8
	for i := range stay {
		t.File(ctx, fmt.Sprintf("stays-%c/file", 'a'+i), "x")
	}
	for range rounds {
		var removes, lists []*engine.Pending
		for i := range stay {
			// Between those that stay, whatever the order.
			t.Folder(ctx, fmt.Sprintf("stays-%c/gone/deep/deeper", 'a'+i))
		}
		for i := range stay {
			removes = append(removes, t.Given().Start(wire.NewRequest(&agentv1.FsRemoveRequest{
				Path: t.Path(ctx, fmt.Sprintf("stays-%c/gone", 'a'+i)), Recursive: true,
			})))
			lists = append(lists, t.Start(wire.NewRequest(&agentv1.FsListRequest{Path: t.Dir(ctx), Recursive: true})))
		}
		for i := range stay {
			engine.MustOf[*agentv1.FsRemoveResponse](t.Given(), removes[i].Response(ctx, t.Scale(replyLimit)))
			wantStay(t, lists[i].Response(ctx, t.Scale(replyLimit)), "stays-", stay)
		}
	}
}

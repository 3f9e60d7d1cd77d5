package stream_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/relay"
	"agentproof/stream"
	"agentproof/stream/producer"
)

// A producer and a viewer meet at a relay.
func Example() {
	ctx := context.Background()
	const secret stream.Secret = "shared by the relay and who mints tokens"
	r, err := relay.Start(relay.Config{ViewerSecret: secret})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	exp := time.Now().Add(time.Minute).Unix()
	asProducer, err := stream.MintProducer(secret, stream.ProducerClaims{WorkspaceID: "ws", AgentID: "agent", Exp: exp})
	if err != nil {
		log.Fatal(err)
	}
	asViewer, err := stream.MintViewer(secret, stream.ViewerClaims{
		WorkspaceID: "ws", SessionID: "s", ViewerID: "v", Mode: stream.ModeView, Port: stream.TerminalPort, Exp: exp,
	})
	if err != nil {
		log.Fatal(err)
	}

	channel := &agentv1.StreamChannel{WorkspaceId: "ws", AgentId: "agent", Port: stream.TerminalPort, ChannelId: "one"}
	p, err := producer.Open(ctx, producer.Config{RelayURL: r.URL(), Token: asProducer, Channel: channel})
	if err != nil {
		log.Fatal(err)
	}
	v, err := stream.Dial(ctx, r.URL()+"?"+stream.RouteOf(channel).Query(), asViewer, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer v.Detach()

	if err := v.Write(ctx, []byte("ls\n")); err != nil {
		log.Fatal(err)
	}
	typed := make(chan []byte, 1)
	go p.TakeInputs(nil, func(in producer.Input) { typed <- in.Data })
	fmt.Printf("typed: %q\n", <-typed)
	fmt.Fprint(p, "README.md\n")
	if err := p.Close(ctx, agentv1.StreamCloseReason_STREAM_CLOSE_REASON_PROCESS_EXIT, "exit 0"); err != nil {
		log.Fatal(err)
	}
	for {
		f, err := v.Read(ctx)
		if end := (*stream.CloseError)(nil); errors.As(err, &end) {
			fmt.Println("ended:", end.Message)
			return
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("seen: %q\n", f.Data)
	}
	// Output:
	// typed: "ls\n"
	// seen: "README.md\n"
	// ended: exit 0
}

// The official Go client and its schema, as they are, against the lab's cloud. Prints what it saw as JSON; the test judges it.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sort"
	"time"

	"github.com/hetznercloud/hcloud-go/v2/hcloud"
	"github.com/hetznercloud/hcloud-go/v2/hcloud/schema"
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// made is a call of the client that also returns the response.
func made[T any](value T, _ *hcloud.Response, err error) T { return must(value, err) }

func codeOf(err error) string {
	if apiError, is := err.(hcloud.Error); is {
		return string(apiError.Code)
	}
	if err == nil {
		return ""
	}
	return err.Error()
}

// Lists, with the schema that each is to fit; every answer is read strictly, in both directions.
type (
	serverList struct {
		schema.ServerListResponse
		schema.MetaResponse
	}
	typeList struct {
		schema.ServerTypeListResponse
		schema.MetaResponse
	}
	imageList struct {
		schema.ImageListResponse
		schema.MetaResponse
	}
	placeList struct {
		schema.LocationListResponse
		schema.MetaResponse
	}
	networkList struct {
		schema.NetworkListResponse
		schema.MetaResponse
	}
	fireList struct {
		schema.FirewallListResponse
		schema.MetaResponse
	}
	addressList struct {
		schema.PrimaryIPListResponse
		schema.MetaResponse
	}
	keyList struct {
		schema.SSHKeyListResponse
		schema.MetaResponse
	}
	groupList struct {
		schema.PlacementGroupListResponse
		schema.MetaResponse
	}
)

// differences are keys that the schema does not know, and keys that it has and the answer lacks.
func differences(endpoint, token, path string, target any) []string {
	request := must(http.NewRequest(http.MethodGet, endpoint+path, nil))
	request.Header.Set("Authorization", "Bearer "+token)
	response := must(http.DefaultClient.Do(request))
	defer response.Body.Close()
	body := must(io.ReadAll(response.Body))
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(target); err != nil {
		return []string{path + ": " + err.Error()}
	}
	var ours, theirs any
	if err := json.Unmarshal(body, &ours); err != nil {
		panic(err)
	}
	if err := json.Unmarshal(must(json.Marshal(target)), &theirs); err != nil {
		panic(err)
	}
	missing := []string{}
	compare(path, ours, theirs, &missing)
	sort.Strings(missing)
	return missing
}

func compare(at string, ours, theirs any, missing *[]string) {
	switch known := theirs.(type) {
	case map[string]any:
		given, is := ours.(map[string]any)
		if !is {
			return // null, where a thing may be absent as a whole
		}
		for key, value := range known {
			if _, has := given[key]; !has {
				*missing = append(*missing, at+"."+key)
				continue
			}
			compare(at+"."+key, given[key], value, missing)
		}
	case []any:
		given, _ := ours.([]any)
		for index := range given {
			compare(at, given[index], known[index], missing)
		}
	}
}

func main() {
	endpoint, token, publicKey := os.Args[1], os.Args[2], os.Args[3]
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client := hcloud.NewClient(
		hcloud.WithEndpoint(endpoint),
		hcloud.WithToken(token),
		hcloud.WithPollOpts(hcloud.PollOpts{BackoffFunc: hcloud.ConstantBackoff(20 * time.Millisecond)}),
		hcloud.WithRetryOpts(hcloud.RetryOpts{BackoffFunc: hcloud.ConstantBackoff(10 * time.Millisecond), MaxRetries: 5}),
	)
	seen := map[string]any{}

	key := made(client.SSHKey.Create(ctx, hcloud.SSHKeyCreateOpts{Name: "key", PublicKey: publicKey}))
	group := made(client.PlacementGroup.Create(ctx, hcloud.PlacementGroupCreateOpts{Name: "group", Type: hcloud.PlacementGroupTypeSpread}))
	_, whole, _ := net.ParseCIDR("10.1.0.0/16")
	_, part, _ := net.ParseCIDR("10.1.1.0/24")
	_, everywhere, _ := net.ParseCIDR("0.0.0.0/0")
	network := made(client.Network.Create(ctx, hcloud.NetworkCreateOpts{Name: "network", IPRange: whole}))
	subnet := hcloud.NetworkSubnet{Type: hcloud.NetworkSubnetTypeCloud, IPRange: part, NetworkZone: hcloud.NetworkZoneEUCentral}
	wait := func(actions ...*hcloud.Action) {
		if err := client.Action.WaitFor(ctx, actions...); err != nil {
			panic(err)
		}
	}
	wait(made(client.Network.AddSubnet(ctx, network, hcloud.NetworkAddSubnetOpts{Subnet: subnet})))
	rule := hcloud.FirewallRule{Direction: hcloud.FirewallRuleDirectionIn, Protocol: hcloud.FirewallRuleProtocolTCP, Port: hcloud.Ptr("22"), SourceIPs: []net.IPNet{*everywhere}}
	firewall := made(client.Firewall.Create(ctx, hcloud.FirewallCreateOpts{Name: "firewall", Rules: []hcloud.FirewallRule{rule}}))
	address := made(client.PrimaryIP.Create(ctx, hcloud.PrimaryIPCreateOpts{Name: "address", Type: hcloud.PrimaryIPTypeIPv4, Location: "fsn1"}))

	create := func(name, serverType, location string) (hcloud.ServerCreateResult, error) {
		result, _, err := client.Server.Create(ctx, hcloud.ServerCreateOpts{
			Name:       name,
			ServerType: &hcloud.ServerType{Name: serverType},
			Image:      &hcloud.Image{Name: "debian-12"},
			Location:   &hcloud.Location{Name: location},
			SSHKeys:    []*hcloud.SSHKey{key},
		})
		return result, err
	}
	result := made(client.Server.Create(ctx, hcloud.ServerCreateOpts{
		Name:           "a",
		ServerType:     &hcloud.ServerType{Name: "cx23"},
		Image:          &hcloud.Image{Name: "debian-12"},
		Location:       &hcloud.Location{Name: "fsn1"},
		SSHKeys:        []*hcloud.SSHKey{key},
		PlacementGroup: group.PlacementGroup,
		Networks:       []*hcloud.Network{network},
		Firewalls:      []*hcloud.ServerCreateFirewall{{Firewall: *firewall.Firewall}},
		PublicNet:      &hcloud.ServerCreatePublicNet{EnableIPv4: true, EnableIPv6: true, IPv4: address.PrimaryIP},
	}))
	wait(append(result.NextActions, result.Action)...)
	server := made(client.Server.Get(ctx, "a"))
	seen["server"] = map[string]any{
		"status":  server.Status,
		"private": server.PrivateNet[0].IP.String(),
		"ipv4":    server.PublicNet.IPv4.ID == address.PrimaryIP.ID,
		"ipv6":    server.PublicNet.IPv6.Network.String() != "<nil>",
	}

	differ := []string{}
	for path, target := range map[string]any{
		"/servers": &serverList{}, "/server_types": &typeList{}, "/images": &imageList{}, "/locations": &placeList{},
		"/networks": &networkList{}, "/firewalls": &fireList{}, "/primary_ips": &addressList{}, "/ssh_keys": &keyList{},
		"/placement_groups": &groupList{}, fmt.Sprintf("/actions/%d", result.Action.ID): &schema.ActionGetResponse{},
	} {
		differ = append(differ, differences(endpoint, token, path, target)...)
	}
	sort.Strings(differ)
	seen["differences"] = differ

	wait(made(client.Server.Poweroff(ctx, server)))
	seen["off"] = made(client.Server.GetByID(ctx, server.ID)).Status
	wait(made(client.Server.Poweron(ctx, server)))

	_, unique := create("a", "cx23", "fsn1")
	_, noRoom := create("b", "cx33", "hel1")
	_, invalid := create("no_name", "cx23", "fsn1")
	seen["errors"] = map[string]string{"unique": codeOf(unique), "noRoom": codeOf(noRoom), "invalid": codeOf(invalid)}
	if details, is := invalid.(hcloud.Error).Details.(hcloud.ErrorDetailsInvalidInput); is {
		seen["field"] = details.Fields[0].Name
	}
	failing := must(create("fails", "cx23", "fsn1"))
	if err, is := client.Action.WaitFor(ctx, failing.Action).(hcloud.ActionError); is {
		seen["failed"] = err.Code
	}
	missing, _, err := client.Server.GetByID(ctx, 1)
	seen["missing"] = missing == nil && err == nil
	limited, _, err := client.Location.List(ctx, hcloud.LocationListOpts{})
	seen["retried"] = err == nil && len(limited) > 0

	deleted := made(client.Server.DeleteWithResult(ctx, server))
	wait(deleted.Action)
	seen["gone"] = made(client.Server.GetByID(ctx, server.ID)) == nil
	fmt.Println(string(must(json.Marshal(seen))))
}

// The hcloud plugin of Pulumi, for machines that the vendor's download does not reach: the provider of Terraform as it
// is, behind Pulumi's bridge, mapped as the package @pulumi/hcloud of npm expects it. No code of either is changed.
//
// Not here: the package's documentation. The schema that it serves names the package and nothing else, so it runs
// programs that have the npm package, and generates no new ones.
package main

import (
	"context"
	"fmt"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfbridge"
	bridge "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge/tokens"
	shim "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim"
	sdkv2 "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim/sdk-v2"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/x/muxer"
	"github.com/pulumi/pulumi-terraform-bridge/v3/unstable/metadata"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/contract"

	"github.com/hetznercloud/terraform-provider-hcloud/hcloud"
)

// Version is of the npm package whose programs this serves; the build sets it.
var Version = "0.0.0"

const name = "hcloud"

func main() {
	ctx := context.Background()
	info := providerInfo(ctx)
	// The vendor computes this table when the package is made, and ships it; it follows from the info alone.
	dispatch, err := info.P.(dispatcher).ResolveDispatch(&info)
	contract.AssertNoErrorf(err, "every resource has a provider")
	contract.AssertNoErrorf(metadata.Set(info.GetMetadata(), "mux", dispatch), "the table is plain data")
	schema := fmt.Sprintf(`{"name":%q,"version":%q,"meta":{"moduleFormat":"(.*)(?:/[^/]*)"}}`, name, Version)
	tfbridge.MainWithMuxer(ctx, name, info, []byte(schema))
}

func providerInfo(ctx context.Context) bridge.ProviderInfo {
	info := bridge.ProviderInfo{
		// Half of its resources are of Terraform's older kind, half of the newer.
		P:            tfbridge.MuxShimWithPF(ctx, sdkv2.NewProvider(hcloud.Provider()), hcloud.NewPluginProvider()),
		Name:         name,
		Version:      Version,
		License:      "Apache-2.0",
		GitHubOrg:    "hetznercloud",
		MetadataInfo: bridge.NewProviderMetadata([]byte("{}")),
		Resources:    map[string]*bridge.ResourceInfo{"hcloud_server": {PreCheckCallback: completeNetworks}},
	}
	idsAreStrings(&info)
	info.MustComputeTokens(tokens.SingleModule("hcloud_", "index", tokens.MakeStandard(name)))
	info.SetAutonaming(255, "-")
	return info
}

// To Pulumi an id is a string; the newer half of the provider has some that are numbers.
func idsAreStrings(info *bridge.ProviderInfo) {
	info.P.ResourcesMap().Range(func(key string, resource shim.Resource) bool {
		id, has := resource.Schema().GetOk("id")
		if !has || id.Type() == shim.TypeString {
			return true
		}
		if info.Resources[key] == nil {
			info.Resources[key] = &bridge.ResourceInfo{}
		}
		info.Resources[key].Fields = map[string]*bridge.SchemaInfo{"id": {Type: "string"}}
		return true
	})
}

// A server's inline network without aliasIps comes back with an empty list of them, and would differ at every up.
func completeNetworks(_ context.Context, config, _ resource.PropertyMap) (resource.PropertyMap, error) {
	networks, has := config["networks"]
	if !has || !networks.IsArray() {
		return config, nil
	}
	for _, network := range networks.ArrayValue() {
		if !network.IsObject() {
			continue
		}
		if _, has := network.ObjectValue()["aliasIps"]; !has {
			network.ObjectValue()["aliasIps"] = resource.NewArrayProperty([]resource.PropertyValue{})
		}
	}
	return config, nil
}

// What the bridge's mixed provider can do; its type is not exported.
type dispatcher interface {
	ResolveDispatch(info *bridge.ProviderInfo) (muxer.DispatchTable, error)
}

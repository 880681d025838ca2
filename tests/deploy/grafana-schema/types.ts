// SPDX-License-Identifier: Apache-2.0
// Grafana's published types (npm package @grafana/schema), for a dashboard that is JSON: enumerations as their strings.
// dashboard_test.py writes the dashboard into a file that says `const dashboard: Dashboard = {...}` and has it compiled,
// so that an unknown field, a wrong type and a missing required field are errors of the compiler.
import type * as grafana from "@grafana/schema";
import type * as heatmap from "@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen";
import type * as stat from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type * as table from "@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen";
import type * as timeseries from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";

type Json<T> = T extends string ? `${T}`
  : T extends number | boolean | null | undefined ? T
  : T extends (infer Element)[] ? Json<Element>[]
  : T extends object ? {[Key in keyof T]: Json<T[Key]>}
  : T;

// Of a panel's own options any may be left out: the panel has defaults for them.
type Options<T> = T extends string ? `${T}`
  : T extends number | boolean | null | undefined ? T
  : T extends (infer Element)[] ? Options<Element>[]
  : T extends object ? {[Key in keyof T]?: Options<T[Key]>}
  : T;

// The package has no type for a query to Prometheus.
interface Target {
  refId: string;
  expr: string;
  legendFormat?: string;
  format?: "time_series" | "table" | "heatmap";
  instant?: boolean;
}

type FieldConfigSource = NonNullable<grafana.Panel["fieldConfig"]>;
type Defaults<Custom> = Omit<Json<FieldConfigSource["defaults"]>, "custom"> & {custom?: Options<Custom>};

type PanelOf<Type, PanelOptions, Custom> =
  Json<Omit<grafana.Panel, "type" | "title" | "description" | "options" | "fieldConfig" | "targets">> & {
    type: Type;
    title: string;
    description: string;
    options: Options<PanelOptions>;
    fieldConfig: {defaults: Defaults<Custom>; overrides: Json<FieldConfigSource["overrides"]>};
    targets: Target[];
  };

type Panel = PanelOf<"timeseries", timeseries.Options, timeseries.FieldConfig>
  | PanelOf<"heatmap", heatmap.Options, heatmap.FieldConfig>
  | PanelOf<"stat", stat.Options, {}>
  | PanelOf<"table", table.Options, table.FieldConfig & {filterable?: boolean}>;

type Row = Omit<Json<grafana.RowPanel>, "panels"> & {panels: Panel[]};

// An annotation that asks Prometheus has the query's fields beside its own.
type Annotation = Json<Omit<grafana.AnnotationQuery, "target">> & {expr?: string; titleFormat?: string};

export type Dashboard = Omit<Json<grafana.Dashboard>, "panels" | "annotations"> & {
  annotations: {list: Annotation[]};
  panels: (Panel | Row)[];
};

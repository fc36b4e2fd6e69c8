#include "expr/place_codes.h"

#include <cstddef>
#include <unordered_map>

namespace millrace::expr_internal {
namespace {

// Each entry: the code, then what else it is called, letters only and without accents; ended by ';'.

/// ISO 3166-1: alpha-2, alpha-3, names.
constexpr std::string_view kCountries =
    "ad and andorra;ae are unitedarabemirates;af afg afghanistan;ag atg antiguaandbarbuda;"
    "ai aia anguilla;al alb albania;am arm armenia;ao ago angola;aq ata antarctica;ar arg argentina;"
    "as asm americansamoa;at aut austria osterreich;au aus australia;aw abw aruba;ax ala alandislands;"
    "az aze azerbaijan;ba bih bosniaandherzegovina;bb brb barbados;bd bgd bangladesh;be bel belgium;"
    "bf bfa burkinafaso;bg bgr bulgaria;bh bhr bahrain;bi bdi burundi;bj ben benin;"
    "bl blm saintbarthelemy;bm bmu bermuda;bn brn bruneidarussalam brunei;"
    "bo bol bolivia boliviaplurinationalstateof plurinationalstateofbolivia;"
    "bq bes bonairesinteustatiusandsaba;br bra brazil brasil;bs bhs bahamas thebahamas;bt btn bhutan;"
    "bv bvt bouvetisland;bw bwa botswana;by blr belarus;bz blz belize;ca can canada;"
    "cc cck cocoskeelingislands cocosislands;"
    "cd cod congothedemocraticrepublicofthe democraticrepublicofthecongo drcongo congokinshasa;"
    "cf caf centralafricanrepublic;cg cog congo republicofthecongo congobrazzaville;"
    "ch che switzerland schweiz;ci civ cotedivoire ivorycoast;ck cok cookislands;cl chl chile;"
    "cm cmr cameroon;cn chn china;co col colombia;cr cri costarica;cu cub cuba;"
    "cv cpv caboverde capeverde;cw cuw curacao;cx cxr christmasisland;cy cyp cyprus;"
    "cz cze czechia czechrepublic;de deu germany deutschland;dj dji djibouti;dk dnk denmark danmark;"
    "dm dma dominica;do dom dominicanrepublic;dz dza algeria;ec ecu ecuador;ee est estonia;eg egy egypt;"
    "eh esh westernsahara;er eri eritrea;es esp spain espana;et eth ethiopia;fi fin finland suomi;"
    "fj fji fiji;fk flk falklandislandsmalvinas falklandislands;"
    "fm fsm micronesiafederatedstatesof micronesia;fo fro faroeislands;fr fra france;ga gab gabon;"
    "gb gbr uk unitedkingdom unitedkingdomofgreatbritainandnorthernireland greatbritain england scotland "
    "wales "
    "northernireland;"
    "gd grd grenada;ge geo georgia;gf guf frenchguiana;gg ggy guernsey;gh gha ghana;gi gib gibraltar;"
    "gl grl greenland;gm gmb gambia thegambia;gn gin guinea;gp glp guadeloupe;gq gnq equatorialguinea;"
    "gr grc greece;gs sgs southgeorgiaandthesouthsandwichislands;gt gtm guatemala;gu gum guam;"
    "gw gnb guineabissau;gy guy guyana;hk hkg hongkong;hm hmd heardislandandmcdonaldislands;"
    "hn hnd honduras;hr hrv croatia;ht hti haiti;hu hun hungary;id idn indonesia;ie irl ireland;"
    "il isr israel;im imn isleofman;in ind india;io iot britishindianoceanterritory;iq irq iraq;"
    "ir irn iran iranislamicrepublicof;is isl iceland;it ita italy italia;je jey jersey;jm jam jamaica;"
    "jo jor jordan;jp jpn japan nippon;ke ken kenya;kg kgz kyrgyzstan;kh khm cambodia;ki kir kiribati;"
    "km com comoros;kn kna saintkittsandnevis;"
    "kp prk northkorea koreademocraticpeoplesrepublicof democraticpeoplesrepublicofkorea;"
    "kr kor southkorea korearepublicof republicofkorea korea;kw kwt kuwait;ky cym caymanislands;"
    "kz kaz kazakhstan;la lao laos laopeoplesdemocraticrepublic;lb lbn lebanon;lc lca saintlucia;"
    "li lie liechtenstein;lk lka srilanka;lr lbr liberia;ls lso lesotho;lt ltu lithuania;"
    "lu lux luxembourg;lv lva latvia;ly lby libya;ma mar morocco;mc mco monaco;"
    "md mda moldova moldovarepublicof republicofmoldova;me mne montenegro;"
    "mf maf saintmartinfrenchpart saintmartin;mg mdg madagascar;mh mhl marshallislands;"
    "mk mkd northmacedonia macedonia;ml mli mali;mm mmr myanmar burma;mn mng mongolia;mo mac macao macau;"
    "mp mnp northernmarianaislands;mq mtq martinique;mr mrt mauritania;ms msr montserrat;mt mlt malta;"
    "mu mus mauritius;mv mdv maldives;mw mwi malawi;mx mex mexico;my mys malaysia;mz moz mozambique;"
    "na nam namibia;nc ncl newcaledonia;ne ner niger;nf nfk norfolkisland;ng nga nigeria;"
    "ni nic nicaragua;nl nld netherlands thenetherlands holland;no nor norway norge;np npl nepal;"
    "nr nru nauru;nu niu niue;nz nzl newzealand;om omn oman;pa pan panama;pe per peru;"
    "pf pyf frenchpolynesia;pg png papuanewguinea;ph phl philippines;pk pak pakistan;"
    "pl pol poland polska;pm spm saintpierreandmiquelon;pn pcn pitcairn pitcairnislands;"
    "pr pri puertorico;ps pse palestinestateof palestine;pt prt portugal;pw plw palau;py pry paraguay;"
    "qa qat qatar;re reu reunion;ro rou romania;rs srb serbia;ru rus russianfederation russia;"
    "rw rwa rwanda;sa sau saudiarabia;sb slb solomonislands;sc syc seychelles;sd sdn sudan;"
    "se swe sweden sverige;sg sgp singapore;sh shn sainthelenaascensionandtristandacunha sainthelena;"
    "si svn slovenia;sj sjm svalbardandjanmayen;sk svk slovakia;sl sle sierraleone;sm smr sanmarino;"
    "sn sen senegal;so som somalia;sr sur suriname;ss ssd southsudan;st stp saotomeandprincipe;"
    "sv slv elsalvador;sx sxm sintmaartendutchpart sintmaarten;sy syr syria syrianarabrepublic;"
    "sz swz eswatini swaziland;tc tca turksandcaicosislands;td tcd chad;tf atf frenchsouthernterritories;"
    "tg tgo togo;th tha thailand;tj tjk tajikistan;tk tkl tokelau;tl tls timorleste easttimor;"
    "tm tkm turkmenistan;tn tun tunisia;to ton tonga;tr tur turkiye turkey;tt tto trinidadandtobago;"
    "tv tuv tuvalu;tw twn taiwan taiwanprovinceofchina;tz tza tanzania tanzaniaunitedrepublicof;"
    "ua ukr ukraine;ug uga uganda;um umi unitedstatesminoroutlyingislands;"
    "us usa unitedstates unitedstatesofamerica america;uy ury uruguay;uz uzb uzbekistan;"
    "va vat holyseevaticancitystate vaticancity holysee;vc vct saintvincentandthegrenadines;"
    "ve ven venezuela venezuelabolivarianrepublicof;vg vgb virginislandsbritish britishvirginislands;"
    "vi vir virginislandsus usvirginislands;vn vnm vietnam;vu vut vanuatu;wf wlf wallisandfutuna;"
    "ws wsm samoa;ye yem yemen;yt myt mayotte;za zaf southafrica;zm zmb zambia;zw zwe zimbabwe;";

/// States and territories of the United States, provinces and territories of Canada.
constexpr std::string_view kStates =
    "al alabama;ak alaska;az arizona;ar arkansas;ca california;co colorado;ct connecticut;de delaware;"
    "dc districtofcolumbia washingtondc;fl florida;ga georgia;hi hawaii;id idaho;il illinois;in indiana;"
    "ia iowa;ks kansas;ky kentucky;la louisiana;me maine;md maryland;ma massachusetts;mi michigan;"
    "mn minnesota;ms mississippi;mo missouri;mt montana;ne nebraska;nv nevada;nh newhampshire;"
    "nj newjersey;nm newmexico;ny newyork;nc northcarolina;nd northdakota;oh ohio;ok oklahoma;or oregon;"
    "pa pennsylvania;ri rhodeisland;sc southcarolina;sd southdakota;tn tennessee;tx texas;ut utah;"
    "vt vermont;va virginia;wa washington;wv westvirginia;wi wisconsin;wy wyoming;as americansamoa;"
    "gu guam;mp northernmarianaislands;pr puertorico;vi usvirginislands virginislands;ab alberta;"
    "bc britishcolumbia;mb manitoba;nb newbrunswick;nl newfoundlandandlabrador;nt northwestterritories;"
    "ns novascotia;nu nunavut;on ontario;pe princeedwardisland;qc quebec;sk saskatchewan;yt yukon;";

using Codes = std::unordered_map<std::string_view, std::string_view>;

Codes ReadCodes(std::string_view table) {
  Codes codes;
  while (!table.empty()) {
    std::string_view entry = table.substr(0, table.find(';'));
    table.remove_prefix(entry.size() + 1);
    const std::string_view code = entry.substr(0, 2);
    entry.remove_prefix(2);
    while (!entry.empty()) {
      entry.remove_prefix(1);
      const std::string_view name = entry.substr(0, entry.find(' '));
      codes.emplace(name, code);
      entry.remove_prefix(name.size());
    }
  }
  return codes;
}

std::string_view Find(const Codes& codes, std::string_view name) {
  const auto found = codes.find(name);
  return found == codes.end() ? std::string_view() : found->second;
}

}  // namespace

std::string_view CountryCode(std::string_view name) {
  static const Codes kCodes = ReadCodes(kCountries);
  return Find(kCodes, name);
}

std::string_view StateCode(std::string_view name) {
  static const Codes kCodes = ReadCodes(kStates);
  return Find(kCodes, name);
}

}  // namespace millrace::expr_internal
